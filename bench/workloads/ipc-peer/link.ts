// A way to an echo and back, for records of one size. Both ends of a way do the same work; what differs is how records get
// from one process to the other.
import { yieldCore } from '../../../src/linux/scheduling.ts';
import { SpinTime } from '../../../src/runtime/spin.ts';

export interface Link {
  /** Sends at most `records` records, numbered from `first`; how many. */
  send(first: number, records: number): number;
  /** Receives what has come, as far as it knows that its numbers go on from `expected`; how many records. */
  receive(expected: number): number;
  /** Until there may be something to receive or room to send again. */
  wait(): void | Promise<void>;
  close(): void | Promise<void>;
}

class WrongRecord extends Error {
  constructor(expected: number, found: number) {
    super(`record ${expected} came back as ${found}`);
  }
}

/** Numbers the records' first words. */
export function number(records: Uint32Array, recordWords: number, first: number, count: number): void {
  for (let i = 0; i < count; i++) records[i * recordWords] = first + i;
}

/** That the first and the last of the records are those expected. */
export function check(records: Uint32Array, recordWords: number, expected: number, count: number): void {
  const last = records[(count - 1) * recordWords]!;
  if (records[0] !== expected >>> 0) throw new WrongRecord(expected, records[0]!);
  if (last !== (expected + count - 1) >>> 0) throw new WrongRecord(expected + count - 1, last);
}

const YIELD_LOOKS = 16;

/** How a stream's end waits: looking first for a short, adaptive time, as sessions do, or asleep at once. */
export type Patience = 'looks' | 'sleeps';

export class Waiter {
  private readonly spin = new SpinTime();
  private readonly patience: Patience;

  constructor(patience: Patience) {
    this.patience = patience;
  }

  wait(look: () => boolean, sleep: () => void): void {
    const start = performance.now();
    const until = start + this.spin.micros / 1000;
    for (let looks = 1; performance.now() < until; looks++) {
      if (look()) return;
      if (looks % YIELD_LOOKS === 0) yieldCore();
    }
    const asleep = performance.now();
    sleep();
    if (this.patience === 'looks') this.spin.slept((performance.now() - asleep) * 1000);
  }
}
