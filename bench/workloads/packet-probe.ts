// Runs the packet probe in two nodes of a lab.
import type { ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Lab } from '../../lab/lab.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { builtProgram } from './built-program.ts';
import type { ProbePhase } from './packet-probe/tally.ts';

const PORT = 9100;

export interface Probe {
  /** Ends a phase, and says what came in it. */
  endPhase(): Promise<ProbePhase>;
  stop(): void;
}

/** From one tenant to another, `burst` packets each millisecond; resolves when packets flow. */
export async function startProbe(
  lab: Lab,
  from: string,
  to: string,
  { address, burst }: { address: string; burst: number },
): Promise<Probe> {
  const program = [process.execPath, builtProgram('packet-probe')];
  const receiver = await lab.exec(to, [...program, 'receive', String(PORT)], { stdio: 'pipe' });
  const said = linesOf(receiver);
  await nextLine(said);
  const sender = await lab.exec(from, [...program, 'send', address, String(PORT), String(burst)], {
    stdio: 'pipe',
  });
  await nextLine(linesOf(sender));
  const endPhase = async (): Promise<ProbePhase> => {
    receiver.stdin!.write('phase\n');
    return JSON.parse(await nextLine(said));
  };
  const stop = () => {
    sender.stdin!.end();
    receiver.stdin!.end();
  };
  return { endPhase, stop };
}

function linesOf(child: ChildProcess): Interface {
  child.stdin!.on('error', () => {});
  return createInterface({ input: child.stdout! });
}

function nextLine(lines: Interface): Promise<string> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new SelvageError('failed', 'The packet probe ended.'));
    lines.once('close', ended);
    lines.once('line', (line) => {
      lines.off('close', ended);
      resolve(line);
    });
  });
}
