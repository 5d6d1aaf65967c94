// Records as messages between a thread and its worker, one a message: what Node has for the purpose.
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { check, type Link } from './link.ts';

export class MessagePortLink implements Link {
  private readonly worker: Worker;
  private readonly recordWords: number;
  private came: Uint32Array[] = [];
  private wake: (() => void) | undefined;

  constructor(recordBytes: number) {
    this.recordWords = recordBytes / 4;
    this.worker = new Worker(process.argv[1]!, { workerData: 'echo' });
    this.worker.on('message', (record: Uint32Array) => {
      this.came.push(record);
      this.wake?.();
    });
  }

  send(first: number, records: number): number {
    for (let i = 0; i < records; i++) {
      const record = new Uint32Array(this.recordWords);
      record[0] = first + i;
      this.worker.postMessage(record);
    }
    return Math.max(0, records);
  }

  receive(expected: number): number {
    const { came } = this;
    if (came.length === 0) return 0;
    this.came = [];
    came.forEach((record, i) => {
      check(record, this.recordWords, expected + i, 1);
    });
    return came.length;
  }

  async wait(): Promise<void> {
    if (this.came.length > 0) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    this.wake = undefined;
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}

/** The worker's side. */
export function echoMessages(): boolean {
  if (workerData !== 'echo') return false;
  parentPort!.on('message', (record) => parentPort!.postMessage(record));
  return true;
}
