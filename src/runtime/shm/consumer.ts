// The consuming end of a ring of records in shared memory (mRPC §3.4.2). What the producer can write is copied before
// anyone looks at it, and its index is believed only within what can be: not behind what was seen, not further than
// the ring is long.
import type { Half, Health } from './half.ts';
import type { RingPlace } from './layout.ts';
import { RecordViews } from './record-views.ts';

/** What it keeps privately, for an end that goes on from here over the same memory. */
export interface ConsumerState {
  readonly head: number;
  readonly tail: number;
  readonly sleeps: number;
  readonly answered: number;
}

export class Consumer {
  private readonly mine: Half;
  private readonly theirs: Half;
  private readonly place: RingPlace;
  private readonly health: Health;
  private readonly slots: RecordViews;
  private head: number;
  /** The producer's index when it was last read. */
  private tail: number;
  private sleeps: number;
  /** The producer's last request for room that was answered with a doorbell. */
  private answered: number;

  constructor(mine: Half, theirs: Half, place: RingPlace, health: Health, old?: ConsumerState) {
    this.mine = mine;
    this.theirs = theirs;
    this.place = place;
    this.health = health;
    this.slots = new RecordViews(theirs.u32, place.slots, place.recordWords);
    this.head = old?.head ?? 0;
    this.tail = old?.tail ?? 0;
    this.sleeps = old?.sleeps ?? 0;
    this.answered = old?.answered ?? 0;
  }

  save(): ConsumerState {
    const { head, tail, sleeps, answered } = this;
    return { head, tail, sleeps, answered };
  }

  pop(dst: Uint32Array, n: number): number {
    const { recordWords, records } = this.place;
    let available = (this.tail - this.head) >>> 0;
    if (available < n) available = this.available();
    const count = Math.min(n, available);
    if (count <= 0) return 0;
    const at = this.head & (records - 1);
    const first = Math.min(count, records - at);
    this.slots.copyTo(dst, 0, at, first);
    if (first < count) this.slots.copyTo(dst, first * recordWords, 0, count - first);
    this.head = (this.head + count) >>> 0;
    Atomics.store(this.mine.i32, this.place.head, this.head | 0);
    return count;
  }

  /** How many records are there now; none new where the producer's index cannot be right. */
  available(): number {
    const tail = Atomics.load(this.theirs.i32, this.place.tail) >>> 0;
    const known = (this.tail - this.head) >>> 0;
    if ((tail - this.tail) >>> 0 > this.place.records - known) {
      this.health.blame('badIndex');
      return 0;
    }
    this.tail = tail;
    return (tail - this.head) >>> 0;
  }

  /** Says that we sleep: the next push rings. False when records came meanwhile. */
  arm(): boolean {
    this.sleeps = (this.sleeps + 1) | 0;
    Atomics.store(this.mine.i32, this.place.arm, this.sleeps);
    return this.available() === 0;
  }

  /** After a pop: true when the producer waits for room, half of the ring is free, and it was not rung for it. */
  mustRing(): boolean {
    const asked = Atomics.load(this.theirs.i32, this.place.room);
    if (asked === this.answered || (this.tail - this.head) >>> 0 > this.place.records / 2) return false;
    this.answered = asked;
    return true;
  }
}
