// Wakes a thread that waits in its event loop without a system call of ours: a word that counts the calls, and one that
// says whether anyone sleeps. Whoever waits looks at the count first, then at what the calls were for, and waits only
// while the count is what it was; whatever else the event loop has to do goes on in any case.

import { nextEvents } from '../threads/next-events.ts';

const CALLS = 0;
const ASLEEP = 1;
const WORDS = 2;

export function newBellMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * 4);
}

export class Bell {
  private readonly words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
  }

  get calls(): number {
    return Atomics.load(this.words, CALLS);
  }

  ring(): void {
    Atomics.add(this.words, CALLS, 1);
    if (Atomics.exchange(this.words, ASLEEP, 0) === 1) Atomics.notify(this.words, CALLS);
  }

  /** Until there was a call after the one that `seen` counts, or for so long. */
  async heard(seen: number, mostMillis = Number.POSITIVE_INFINITY): Promise<void> {
    Atomics.store(this.words, ASLEEP, 1);
    const waiting = Atomics.waitAsync(this.words, CALLS, seen, mostMillis);
    await (waiting.async ? waiting.value : nextEvents());
    Atomics.store(this.words, ASLEEP, 0);
  }
}
