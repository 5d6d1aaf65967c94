// A neighbour: another tenant's long flow to the same server, for as long as something else is measured.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TenantAddresses } from '../../lab/addressing.ts';
import { exitStatus } from '../../lab/execute.ts';
import type { Lab } from '../../lab/lab.ts';
import { endProcess, pause, processId } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { IPERF_PORT } from './iperf.ts';

const LONGER_THAN_ANY_RUN_SECONDS = 3600;
const RETRY_MILLIS = 300;
const MOST_ATTEMPTS = 30;

/** Runs while `work` does; there is an iperf3 server already. */
export async function besideBulk<T>(
  lab: Lab,
  neighbour: TenantAddresses,
  host: string,
  work: () => Promise<T>,
): Promise<T> {
  const target = ['-c', host, '-p', String(IPERF_PORT)];
  const argv = ['iperf3', '--forceflush', ...target, '-t', String(LONGER_THAN_ANY_RUN_SECONDS)];
  const child = await connected(lab, neighbour.name, argv);
  const ended = exitStatus(child).then(
    () => true,
    () => true,
  );
  const bulk = processId(child.pid!);
  try {
    const result = await work();
    if (await Promise.race([ended, false])) {
      throw new SelvageError(
        'failed',
        `The long flow from ${neighbour.name} ended before the measurement did.`,
      );
    }
    return result;
  } finally {
    if (bulk !== undefined) await endProcess(bulk);
  }
}

/** The server may not have heard yet that the last run is over: it is busy then, and the client ends. */
async function connected(lab: Lab, node: string, argv: readonly string[]): Promise<ChildProcess> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const child = await lab.exec(node, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    if (await saysConnected(child)) return child;
    await pause(RETRY_MILLIS);
  }
  throw new SelvageError('failed', `The long flow from ${node} found no server.`);
}

/** Reads on, so that the program never waits for its reader. */
function saysConnected(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    createInterface({ input: child.stdout! })
      .on('line', (line) => line.includes('connected to') && resolve(true))
      .on('close', () => resolve(false));
  });
}
