// A queue between two engines of one executor: a ring in ordinary memory. Records are four words, as wide as a packet
// descriptor with room for what an engine adds to it. Either end is woken when the other makes its work possible.

import type { Queue } from './queue.ts';

export const RECORD_WORDS = 4;
const RING_RECORDS = 1024;

export class Ring implements Queue {
  /** Engines that may still push: 0 when what is in it is all that will ever be. */
  writers = 1;
  private readonly words: Uint32Array;
  private readonly mask: number;
  private readonly records: number;
  private readonly wakeReader: () => void;
  private readonly wakeWriter: () => void;
  private head = 0;
  private size = 0;
  /** The writer had more than there was room for. */
  private refused = false;

  /** `records` is a power of two. */
  constructor(wakeReader: () => void, wakeWriter: () => void, records = RING_RECORDS) {
    this.wakeReader = wakeReader;
    this.wakeWriter = wakeWriter;
    this.records = records;
    this.words = new Uint32Array(records * RECORD_WORDS);
    this.mask = this.words.length - 1;
  }

  /** A writer is gone. */
  leave(): void {
    this.writers--;
    // It may be what its reader waited for: behind this ring another may have begun.
    this.wakeReader();
  }

  get count(): number {
    return this.size;
  }

  push(src: Uint32Array, n: number): number {
    const { words, mask } = this;
    const taken = Math.min(n, this.records - this.size);
    let at = ((this.head + this.size) * RECORD_WORDS) & mask;
    for (let i = 0; i < taken * RECORD_WORDS; i++) {
      words[at] = src[i]!;
      at = (at + 1) & mask;
    }
    this.size += taken;
    if (taken < n) this.refused = true;
    if (taken > 0) this.wakeReader();
    return taken;
  }

  pop(dst: Uint32Array, n: number): number {
    const { words, mask } = this;
    const moved = Math.min(n, this.size);
    let at = (this.head * RECORD_WORDS) & mask;
    for (let i = 0; i < moved * RECORD_WORDS; i++) {
      dst[i] = words[at]!;
      at = (at + 1) & mask;
    }
    this.head = (this.head + moved) & (this.records - 1);
    this.size -= moved;
    if (this.refused && moved > 0) {
      this.refused = false;
      this.wakeWriter();
    }
    return moved;
  }

  /** The next push wakes the reader whether or not it sleeps: they share a thread. */
  arm(): boolean {
    return this.size === 0;
  }
}
