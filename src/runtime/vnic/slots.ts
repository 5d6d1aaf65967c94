// Packet slots of a half, handed out by whoever writes it: a stack, so that those are used again that a cache still has.

import type { VnicLayout } from './layout.ts';

export class SlotPool {
  free: number;
  private readonly stack: Uint32Array;

  constructor({ shape: { slots, slotBytes }, slotsBytesAt }: VnicLayout) {
    this.stack = Uint32Array.from({ length: slots }, (_, i) => slotsBytesAt + (slots - 1 - i) * slotBytes);
    this.free = slots;
  }

  /** Where it begins, in bytes; there is one. */
  take(): number {
    return this.stack[--this.free]!;
  }

  giveBack(slot: number): void {
    this.stack[this.free++] = slot;
  }

  /**
   * How many one queue may hold: half of what nobody has. So however many queues there are that nobody empties, there is
   * always some for another (Choudhury and Hahne's dynamic thresholds).
   */
  get fairShare(): number {
    return Math.max(1, this.free >>> 1);
  }
}
