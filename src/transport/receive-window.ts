// What one connection has received and not passed on: pieces in a ring by PSN, where they arrived (BIFROST §4.2:
// packets stay in place, only their records are put in order). When nothing is missing, a packet costs one
// comparison and one store.

import type { Fields } from '../base/fields.ts';
import { FrameQueue, type FrameQueueState } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import { SLOTS } from '../paths/path-table.ts';

/** The largest window a sender may have: a packet further ahead is not taken. */
export const RECEIVE_PACKETS = 4096;
/** Room before it is needed: for one large frame. */
const FIRST_PLACES = 64;
const WORDS_OF_BITMAP = 8;

/** Flags of a held packet, above its length. */
export const HELD_FIRST = 0x0100_0000;
export const HELD_LAST = 0x0200_0000;
export const HELD_LENGTH_MASK = 0xffff;
/** The slot it came by. */
export const HELD_SLOT_SHIFT = 16;
export const HELD_SLOT_MASK = 0x0007_0000;
export const HELD_WHOLE = HELD_FIRST | HELD_LAST;
/** Passed on before its turn: only its place is kept. */
export const HELD_PASSED = 0x0400_0000;

/** All of it. */
export type ReceiveWindowState = Omit<Fields<ReceiveWindow>, 'isIdle' | 'early' | 'mask'> & {
  readonly early: FrameQueueState;
};

export class ReceiveWindow {
  /** Offset, and length with flags; a length of zero: not here. */
  held: Uint32Array;
  /** Everything below is received. */
  base = 0;
  /** One above the newest received. */
  end = 0;
  /** Everything below is passed on; from here to `complete` lie whole frames. */
  delivered = 0;
  complete = 0;
  /** Whole frames that do not wait for their turn, in the order they came (BIFROST §7.3). */
  readonly early: FrameQueue;
  // What the next acknowledgement of each slot will say (BIFROST §C.3).
  readonly newestPsn = new Uint32Array(SLOTS);
  readonly echo = new Uint32Array(SLOTS);
  readonly arrivedAt = new Float64Array(SLOTS);
  readonly hops = new Uint8Array(SLOTS);
  readonly unacked = new Uint32Array(SLOTS);
  readonly duplicates = new Uint32Array(SLOTS);
  /** Packets that a rate limit dropped or marked after they were received (BIFROST §7.1). */
  readonly marked = new Uint32Array(SLOTS);
  readonly ackedAt = new Float64Array(SLOTS);
  /** Packets since the last acknowledgement of any slot. */
  pending = 0;
  latestSlot = 0;
  /** The newest packet was part of a larger frame. */
  bulk = false;
  /** When an acknowledgement is due, or Infinity. */
  ackDue = Number.POSITIVE_INFINITY;
  /** Where the next type-1 window starts, as a distance from the base. */
  windowCursor = 0;

  constructor(old?: ReceiveWindowState) {
    this.held = new Uint32Array(FIRST_PLACES * 2);
    if (old !== undefined) Object.assign(this, old);
    this.early = new FrameQueue(old?.early);
  }

  save(): ReceiveWindowState {
    return { ...this, early: this.early.save() };
  }

  reset(psn: number): void {
    this.base = psn;
    this.end = psn;
    this.delivered = psn;
    this.complete = psn;
    this.unacked.fill(0);
    this.duplicates.fill(0);
    this.marked.fill(0);
    this.ackedAt.fill(0);
    this.pending = 0;
    this.bulk = false;
    this.ackDue = Number.POSITIVE_INFINITY;
    this.windowCursor = 0;
  }

  /** Nothing is held, and nothing is left to acknowledge. */
  get isIdle(): boolean {
    return this.delivered === this.end && this.pending === 0 && this.early.frames === 0;
  }

  /** Places less one. */
  get mask(): number {
    return (this.held.length >>> 1) - 1;
  }

  has(psn: number): boolean {
    return (psn - this.delivered) >>> 0 <= this.mask && this.held[(psn & this.mask) * 2 + 1] !== 0;
  }

  /** Puts a packet in its place. True when frames may have become complete. */
  place(psn: number, offset: number, lengthAndFlags: number): boolean {
    this.bulk = (lengthAndFlags & HELD_WHOLE) !== HELD_WHOLE;
    if ((psn - this.delivered) >>> 0 > this.mask) this.grow((psn - this.delivered + 1) >>> 0);
    const { mask } = this;
    const at = (psn & mask) * 2;
    this.held[at] = offset;
    this.held[at + 1] = lengthAndFlags;
    if (((psn - this.end) | 0) >= 0) this.end = (psn + 1) >>> 0;
    if (psn !== this.base) return false;
    const before = this.complete;
    let base = psn;
    let word = lengthAndFlags;
    do {
      base = (base + 1) >>> 0;
      if ((word & HELD_LAST) !== 0) this.complete = base;
      word = this.held[(base & mask) * 2 + 1]!;
    } while (base !== this.end && word !== 0);
    this.base = base;
    return this.complete !== before;
  }

  offsetOf(psn: number): number {
    return this.held[(psn & this.mask) * 2]!;
  }

  wordOf(psn: number): number {
    return this.held[(psn & this.mask) * 2 + 1]!;
  }

  /** Empties the place of a packet that was passed on or dropped. */
  clear(psn: number): void {
    this.held[(psn & this.mask) * 2 + 1] = 0;
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    for (let psn = this.delivered; psn !== this.end; psn = (psn + 1) >>> 0) {
      if (this.has(psn) && (this.wordOf(psn) & HELD_PASSED) === 0) visit(this.offsetOf(psn));
    }
    this.early.each(visit);
  }

  /** Drops all that is held. */
  discard(region: Region): void {
    for (; this.early.frames > 0; this.early.shift()) region.release(this.early.frontOffset());
    for (let psn = this.delivered; psn !== this.end; psn = (psn + 1) >>> 0) {
      if (!this.has(psn)) continue;
      if ((this.wordOf(psn) & HELD_PASSED) === 0) region.release(this.offsetOf(psn));
      this.clear(psn);
    }
  }

  /** Writes the bitmap of the 256 PSNs from `from` on, bit 31 of the first word first; words up to the last set bit. */
  bitmap(from: number, into: Uint32Array): number {
    const span = (this.end - from) | 0;
    if (span <= 0) return 0;
    const words = Math.min(WORDS_OF_BITMAP, (span + 31) >>> 5);
    let psn = from;
    for (let i = 0; i < words; i++) {
      let word = 0;
      for (let bit = 0; bit < 32; bit++) {
        // Above `end` the ring may hold packets that were received and wait below the base.
        const here = ((psn - this.end) | 0) < 0 && this.held[(psn & this.mask) * 2 + 1] !== 0;
        word = (word << 1) | (here ? 1 : 0);
        psn = (psn + 1) >>> 0;
      }
      into[i] = word;
    }
    return words;
  }

  /** The ring grows with how far packets come ahead of what is passed on (BIFROST §4.4). */
  private grow(places: number): void {
    const { held, mask } = this;
    let size = (mask + 1) * 2;
    while (size < places) size *= 2;
    this.held = new Uint32Array(size * 2);
    for (let psn = this.delivered; psn !== this.end; psn = (psn + 1) >>> 0) {
      const from = (psn & mask) * 2;
      const to = (psn & (size - 1)) * 2;
      this.held[to] = held[from]!;
      this.held[to + 1] = held[from + 1]!;
    }
  }
}
