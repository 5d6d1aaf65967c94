// Deadlines for many things in typed arrays: one timer an id, moved or cancelled in constant time. A hierarchical
// wheel (Varghese & Lauck, scheme 7): three rings of 256 slots, the finest of 64 µs.

import { grown } from './columns.ts';

const TICK_SHIFT = 6;
const RING_BITS = 8;
const RING_SLOTS = 1 << RING_BITS;
const RINGS = 3;
const NONE = -1;

/** What a wheel of newer code goes on from. */
export interface TimerWheelState {
  readonly heads: Int32Array;
  readonly counts: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  readonly slotOf: Int32Array;
  readonly deadline: Float64Array;
  readonly tick: number;
  readonly armed: number;
}

/** Times are in microseconds on one clock that never goes back. A timer fires up to one tick (64 µs) late. */
export class TimerWheel {
  private readonly heads: Int32Array;
  private next: Int32Array;
  private previous: Int32Array;
  private slotOf: Int32Array;
  private deadline: Float64Array;
  private tick: number;
  private armed: number;
  private readonly counts: Int32Array;

  constructor(nowMicros: number, capacity = 64, old?: TimerWheelState) {
    this.heads = old?.heads ?? new Int32Array(RINGS * RING_SLOTS).fill(NONE);
    this.counts = old?.counts ?? new Int32Array(RINGS);
    this.tick = old?.tick ?? Math.floor(nowMicros / (1 << TICK_SHIFT));
    this.next = old?.next ?? new Int32Array(capacity).fill(NONE);
    this.previous = old?.previous ?? new Int32Array(capacity).fill(NONE);
    this.slotOf = old?.slotOf ?? new Int32Array(capacity).fill(NONE);
    this.deadline = old?.deadline ?? new Float64Array(capacity);
    this.armed = old?.armed ?? 0;
  }

  save(): TimerWheelState {
    const { heads, counts, next, previous, slotOf, deadline, tick, armed } = this;
    return { heads, counts, next, previous, slotOf, deadline, tick, armed };
  }

  /** Sets the one deadline of `id`, replacing an earlier one. */
  set(id: number, atMicros: number): void {
    if (id >= this.slotOf.length) this.grow(id + 1);
    if (this.slotOf[id] !== NONE) {
      if (this.deadline[id] === atMicros) return;
      this.unlink(id);
    } else {
      this.armed++;
    }
    this.deadline[id] = atMicros;
    this.link(id);
  }

  isSet(id: number): boolean {
    return id < this.slotOf.length && this.slotOf[id] !== NONE;
  }

  cancel(id: number): void {
    if (!this.isSet(id)) return;
    this.unlink(id);
    this.armed--;
  }

  /** Calls `fire(id)` for every timer due at `nowMicros`; it may set timers again. */
  expire(nowMicros: number, fire: (id: number) => void): void {
    const target = Math.floor(nowMicros / (1 << TICK_SHIFT));
    if (this.armed === 0) {
      this.tick = Math.max(this.tick, target);
      return;
    }
    while (this.tick <= target) {
      this.fireSlot(this.tick & (RING_SLOTS - 1), nowMicros, fire);
      if (this.tick === target) break;
      this.tick++;
      if ((this.tick & (RING_SLOTS - 1)) === 0) this.cascade();
    }
  }

  /** When `expire` has something to do next, or Infinity: never later than the first deadline's tick. */
  nextTimeout(): number {
    let first = Number.POSITIVE_INFINITY;
    for (let ring = 0; ring < RINGS; ring++) {
      if (this.counts[ring] === 0) continue;
      const ticks = 2 ** (ring * RING_BITS);
      const position = Math.floor(this.tick / ticks);
      // A coarse ring's current slot has been moved down already: what lies there belongs to its next round.
      const from = ring === 0 ? 0 : 1;
      let i = from;
      while (this.heads[ring * RING_SLOTS + ((position + i) & (RING_SLOTS - 1))] === NONE) i++;
      first = Math.min(first, (position + i) * ticks);
    }
    return first * (1 << TICK_SHIFT);
  }

  private fireSlot(slot: number, nowMicros: number, fire: (id: number) => void): void {
    let id = this.heads[slot]!;
    // Timers set while firing land at the head of a slot, so the list ahead of us only loses what fired.
    while (id !== NONE) {
      const following = this.next[id]!;
      if (this.deadline[id]! <= nowMicros) {
        this.unlink(id);
        this.armed--;
        fire(id);
      }
      id = following !== NONE && this.slotOf[following] === slot ? following : NONE;
    }
  }

  /** Moves the timers of the next coarse slots down when the finer ring has gone round. */
  private cascade(): void {
    for (let ring = 1; ring < RINGS; ring++) {
      const position = Math.floor(this.tick / 2 ** (ring * RING_BITS));
      const slot = ring * RING_SLOTS + (position & (RING_SLOTS - 1));
      let id = this.heads[slot]!;
      this.heads[slot] = NONE;
      // Each is linked again below, in a finer ring.
      while (id !== NONE) {
        const following = this.next[id]!;
        this.counts[ring]!--;
        this.link(id);
        id = following;
      }
      if ((position & (RING_SLOTS - 1)) !== 0) break;
    }
  }

  private link(id: number): void {
    // Rounded up: a timer never fires before its deadline.
    let due = Math.ceil(this.deadline[id]! / (1 << TICK_SHIFT));
    if (due < this.tick) due = this.tick;
    let ring = 0;
    while (ring < RINGS - 1 && due - this.tick >= 2 ** ((ring + 1) * RING_BITS)) ring++;
    const furthest = 2 ** (RINGS * RING_BITS) - 1;
    if (due - this.tick > furthest) due = this.tick + furthest;
    const slot = ring * RING_SLOTS + (Math.floor(due / 2 ** (ring * RING_BITS)) & (RING_SLOTS - 1));
    const head = this.heads[slot]!;
    this.next[id] = head;
    this.previous[id] = NONE;
    if (head !== NONE) this.previous[head] = id;
    this.heads[slot] = id;
    this.slotOf[id] = slot;
    this.counts[ring]!++;
  }

  private unlink(id: number): void {
    const before = this.previous[id]!;
    const after = this.next[id]!;
    if (before !== NONE) this.next[before] = after;
    else this.heads[this.slotOf[id]!] = after;
    if (after !== NONE) this.previous[after] = before;
    this.counts[this.slotOf[id]! >>> RING_BITS]!--;
    this.slotOf[id] = NONE;
  }

  private grow(wanted: number): void {
    const capacity = Math.max(wanted, this.slotOf.length * 2);
    this.next = grown(new Int32Array(capacity).fill(NONE), this.next);
    this.previous = grown(new Int32Array(capacity).fill(NONE), this.previous);
    this.slotOf = grown(new Int32Array(capacity).fill(NONE), this.slotOf);
    this.deadline = grown(new Float64Array(capacity), this.deadline);
  }
}
