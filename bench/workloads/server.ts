// Starts a server in a node of a lab and waits until it listens. It ends with the lab at the latest.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { exitStatus } from '../../lab/execute.ts';
import type { Lab } from '../../lab/lab.ts';
import { endProcess, pause, processId } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';

export interface Server {
  stop(): Promise<void>;
}

const READY_TIMEOUT_MILLIS = 15_000;
/** In the column "st" of /proc/net/tcp. */
const TCP_LISTEN = '0A';

export async function startServer(
  lab: Lab,
  node: string,
  argv: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const logFile = join(lab.runFolder, `${basename(argv[0]!)}-${node}-${port}.log`);
  const log = openSync(logFile, 'w');
  const child = await lab
    .exec(node, argv, { stdio: ['ignore', log, log], env: { ...process.env, ...env } })
    .finally(() => closeSync(log));
  const self = child.pid === undefined ? undefined : processId(child.pid);
  let ended: string | undefined;
  exitStatus(child).then(
    (status) => {
      ended = `it ended with ${status}`;
    },
    (error: Error) => {
      ended = error.message;
    },
  );
  const stop = async () => {
    if (self !== undefined) await endProcess(self);
  };
  const deadline = performance.now() + READY_TIMEOUT_MILLIS;
  while (!(await isListening(lab, node, port))) {
    if (performance.now() > deadline) ended ??= `not ready after ${READY_TIMEOUT_MILLIS / 1000} s`;
    if (ended !== undefined) {
      await stop();
      const hint = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n  ');
      throw new SelvageError('failed', `${argv[0]} did not start in ${node}: ${ended}.`, { hint });
    }
    await pause(20);
  }
  return { stop };
}

async function isListening(lab: Lab, node: string, port: number): Promise<boolean> {
  const { stdout } = await lab.run(node, ['cat', '/proc/net/tcp', '/proc/net/tcp6'], { anyStatus: true });
  return hasListener(stdout, port);
}

/** `procNetTcp` may be several of the files, one after the other. */
export function hasListener(procNetTcp: string, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return new RegExp(`:${hex} [0-9A-F]+:0000 ${TCP_LISTEN} `).test(procNetTcp);
}
