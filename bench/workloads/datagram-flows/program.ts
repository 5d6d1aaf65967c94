// The program that sends or receives datagrams, as a process in a node of a lab, and what it said so far.
import { createInterface } from 'node:readline';
import type { Lab } from '../../../lab/lab.ts';
import { endProcess, pause, processId } from '../../../lab/process.ts';
import { SelvageError } from '../../../src/base/errors.ts';
import { builtProgram } from '../built-program.ts';
import type { DatagramSpec, Told } from './cases.ts';

const READY_MILLIS = 10_000;

export class DatagramProgram {
  private readonly told: Told[] = [];
  private ended = false;
  private stderr = '';
  private end: () => Promise<void> = async () => {};

  /** Resolves when it has opened what it needs. */
  static async start(lab: Lab, node: string, spec: DatagramSpec): Promise<DatagramProgram> {
    const program = new DatagramProgram();
    const argv = [process.execPath, builtProgram('datagram-flows'), JSON.stringify(spec)];
    const child = await lab.exec(node, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const self = child.pid === undefined ? undefined : processId(child.pid);
    program.end = async () => {
      if (self !== undefined) await endProcess(self);
    };
    createInterface({ input: child.stdout! }).on('line', (line) => program.told.push(JSON.parse(line)));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      program.stderr += text;
    });
    child.on('exit', () => {
      program.ended = true;
    });
    const deadline = performance.now() + READY_MILLIS;
    while (program.told.length === 0) {
      if (program.ended || performance.now() > deadline) {
        await program.end();
        const hint = program.stderr.trim().split('\n').slice(-3).join('\n');
        throw new SelvageError('failed', `Datagrams could not be started in ${node}.`, { hint });
      }
      await pause(10);
    }
    return program;
  }

  /** Packets a second between two times since the epoch, between the lines nearest to them. */
  rate(fromMillis: number, toMillis: number): number {
    const first = this.nearest(fromMillis);
    const last = this.nearest(toMillis);
    const millis = last.atMillis - first.atMillis;
    return millis <= 0 ? 0 : ((last.packets - first.packets) / millis) * 1000;
  }

  /** All that it said. */
  get timeline(): readonly Told[] {
    return this.told;
  }

  async stop(): Promise<void> {
    await this.end();
  }

  private nearest(atMillis: number): Told {
    const distance = (told: Told) => Math.abs(told.atMillis - atMillis);
    return this.told.reduce((best, told) => (distance(told) < distance(best) ? told : best));
  }
}
