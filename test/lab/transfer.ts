// A TCP connection between two tenants that goes on until it is told to stop, with the digests of both ends.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { eventually } from './eventually.ts';

const PROGRAM = join(import.meta.dirname, 'transfer.mjs');
const PORT = 7000;

export class Transfer {
  private readonly sender: Output;
  private readonly receiver: Output;

  private constructor(sender: Output, receiver: Output) {
    this.sender = sender;
    this.receiver = receiver;
  }

  /** From one node to another, by Selvage between tenants unless an address says otherwise; resolves when bytes are arriving. */
  static async start(lab: Lab, from: string, to: string, address?: string): Promise<Transfer> {
    const receiver = new Output(
      await lab.exec(to, [process.execPath, PROGRAM, 'receive', String(PORT)], { stdio: 'pipe' }),
    );
    await eventually('the receiver to listen', () => receiver.text.includes('ready'));
    const target = address ?? lab.tenant(to).selvage.address;
    const sender = new Output(
      await lab.exec(from, [process.execPath, PROGRAM, 'send', target, String(PORT)], { stdio: 'pipe' }),
    );
    const transfer = new Transfer(sender, receiver);
    await transfer.progress();
    return transfer;
  }

  /** Resolves when so much more has arrived than until now. */
  async progress(bytes = 1): Promise<void> {
    const enough = this.received + bytes;
    await eventually('bytes to arrive', () => this.received >= enough || this.fail());
  }

  /** Ends it; what each end has to say of all bytes. */
  async stop(): Promise<{ sent: string; received: string }> {
    this.sender.child.stdin!.end();
    const done = ({ text }: Output) => /^done (.*)$/m.exec(text)?.[1];
    return {
      sent: await eventually('the sender to end', () => done(this.sender) ?? this.fail()),
      received: await eventually('the receiver to end', () => done(this.receiver) ?? this.fail()),
    };
  }

  private get received(): number {
    return Number([...this.receiver.text.matchAll(/^at (\d+)$/gm)].at(-1)?.[1] ?? 0);
  }

  /** Throws what an end had to complain about; undefined when none had. */
  private fail(): undefined {
    const complaint = this.sender.complaint + this.receiver.complaint;
    if (complaint !== '') throw new Error(complaint);
  }
}

class Output {
  readonly child: ChildProcess;
  text = '';
  complaint = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.complaint += text;
    });
  }
}
