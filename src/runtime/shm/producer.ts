// The producing end of a ring of records in shared memory (mRPC §3.4.2): one producer, one consumer, no lock, so that
// neither can leave the other stuck by dying. Indexes count records since the beginning and wrap at 2^32; an index is
// published once a batch, behind the records it covers, and the other side's is read only when the last known one does not do.
// Each end keeps its own index privately: what it wrote to shared memory it never reads back.
import type { Half, Health } from './half.ts';
import type { RingPlace } from './layout.ts';
import { RecordViews } from './record-views.ts';

/** What it keeps privately, for an end that goes on from here over the same memory. */
export interface ProducerState {
  readonly tail: number;
  readonly head: number;
  readonly roomAsked: number;
  readonly answered: number;
}

export class Producer {
  private readonly mine: Half;
  private readonly theirs: Half;
  private readonly place: RingPlace;
  private readonly health: Health;
  /** Of the array that records came in last: most callers have one. */
  private source: RecordViews | undefined;
  private tail: number;
  /** The consumer's index when it was last read. */
  private head: number;
  private roomAsked: number;
  /** The consumer's last sleep that was answered with a doorbell. */
  private answered: number;

  constructor(mine: Half, theirs: Half, place: RingPlace, health: Health, old?: ProducerState) {
    this.mine = mine;
    this.theirs = theirs;
    this.place = place;
    this.health = health;
    this.tail = old?.tail ?? 0;
    this.head = old?.head ?? 0;
    this.roomAsked = old?.roomAsked ?? 0;
    this.answered = old?.answered ?? 0;
  }

  save(): ProducerState {
    const { tail, head, roomAsked, answered } = this;
    return { tail, head, roomAsked, answered };
  }

  /** Records that were ever put in: the next one's place. */
  get pushed(): number {
    return this.tail;
  }

  /** Whether the consumer has not taken the record of that place yet. */
  isWaiting(place: number): boolean {
    this.roomNow();
    return (place - this.head) >>> 0 < (this.tail - this.head) >>> 0;
  }

  push(src: Uint32Array, n: number): number {
    const { recordWords, records, slots } = this.place;
    const count = Math.min(n, this.room(n));
    if (count <= 0) return 0;
    const at = this.tail & (records - 1);
    const first = Math.min(count, records - at);
    const { u32 } = this.mine;
    if (this.source?.array !== src) this.source = new RecordViews(src, 0, recordWords);
    this.source.copyTo(u32, slots + at * recordWords, 0, first);
    if (first < count) this.source.copyTo(u32, slots, first, count - first);
    this.tail = (this.tail + count) >>> 0;
    Atomics.store(this.mine.i32, this.place.tail, this.tail | 0);
    return count;
  }

  /** How many records fit, as far as is needed to know that `enough` do. */
  room(enough: number): number {
    const known = this.place.records - ((this.tail - this.head) >>> 0);
    return known >= enough ? known : this.roomNow();
  }

  /** After a push: true when the consumer sleeps and has not been rung for it. */
  mustRing(): boolean {
    const slept = Atomics.load(this.theirs.i32, this.place.arm);
    if (slept === this.answered) return false;
    this.answered = slept;
    return true;
  }

  /** Asks to be rung when there is room for half of the ring; false when there is already. */
  armRoom(): boolean {
    this.roomAsked = (this.roomAsked + 1) | 0;
    Atomics.store(this.mine.i32, this.place.room, this.roomAsked);
    return this.roomNow() < this.place.records / 2;
  }

  /** Nothing in a ring whose consumer's index cannot be right. */
  private roomNow(): number {
    const head = Atomics.load(this.theirs.i32, this.place.head) >>> 0;
    if ((head - this.head) >>> 0 > (this.tail - this.head) >>> 0) {
      this.health.blame('badIndex');
      return 0;
    }
    this.head = head;
    return this.place.records - ((this.tail - head) >>> 0);
  }
}
