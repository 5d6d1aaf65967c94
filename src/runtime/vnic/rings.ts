// The two ends of a pool of data rings (Backdraft §4.2), each one producer's and one consumer's at a time: like
// shm/producer.ts and shm/consumer.ts, but thousands, so that what an end keeps of them is in columns. Nobody arms anything:
// the consumer publishes its index before it looks for the last time, the producer looks at it after it has published its own;
// so whoever puts the first record into an empty ring knows it, and rings.

import type { Half, Health } from '../shm/half.ts';
import { headAt, RING_RECORDS, ROOM, recordAt, ringAt, TAIL, type VnicLayout } from './layout.ts';

export class ProducerRings {
  private readonly layout: VnicLayout;
  private readonly mine: Half;
  private readonly theirs: Half;
  private readonly health: Health;
  private readonly tails: Uint32Array;
  /** Records behind the tail that are not published. */
  private readonly pending: Uint8Array;
  /** The consumer's index when it was last read. */
  private readonly heads: Uint32Array;
  private readonly asked: Int32Array;

  constructor(layout: VnicLayout, mine: Half, theirs: Half, health: Health) {
    const { rings } = layout.shape;
    this.layout = layout;
    this.mine = mine;
    this.theirs = theirs;
    this.health = health;
    this.tails = new Uint32Array(rings);
    this.pending = new Uint8Array(rings);
    this.heads = new Uint32Array(rings);
    this.asked = new Int32Array(rings);
  }

  /** Records that fit, by what is known. */
  room(ring: number): number {
    return RING_RECORDS - ((this.tails[ring]! - this.heads[ring]!) >>> 0) - this.pending[ring]!;
  }

  /** The consumer's index now; nothing taken where it cannot be right. */
  headNow(ring: number): number {
    const head = Atomics.load(this.theirs.i32, headAt(this.layout, ring)) >>> 0;
    const known = this.heads[ring]!;
    if ((head - known) >>> 0 > (this.tails[ring]! - known) >>> 0) {
      this.health.blame('badIndex');
      return known;
    }
    this.heads[ring] = head;
    return head;
  }

  /** One behind the last record, published or not. */
  end(ring: number): number {
    return (this.tails[ring]! + this.pending[ring]!) >>> 0;
  }

  /** There is room: the record counts once it is published. */
  put(ring: number, first: number, second: number): void {
    const { u32 } = this.mine;
    const at = recordAt(ringAt(this.layout, ring), this.end(ring));
    u32[at] = first;
    u32[at + 1] = second;
    this.pending[ring]!++;
  }

  /** True when the consumer had taken all that there was before: it may not look any more. */
  publish(ring: number): boolean {
    const before = this.tails[ring]!;
    const tail = this.end(ring);
    this.tails[ring] = tail;
    this.pending[ring] = 0;
    Atomics.store(this.mine.i32, ringAt(this.layout, ring) + TAIL, tail | 0);
    return this.headNow(ring) === before;
  }

  /** Asks for a doorbell when half of the ring is free; false when it is already. */
  askRoom(ring: number): boolean {
    this.asked[ring]!++;
    Atomics.store(this.mine.i32, ringAt(this.layout, ring) + ROOM, this.asked[ring]!);
    this.headNow(ring);
    return this.room(ring) < RING_RECORDS / 2;
  }
}

export class ConsumerRings {
  private readonly layout: VnicLayout;
  private readonly mine: Half;
  private readonly theirs: Half;
  private readonly health: Health;
  private readonly heads: Uint32Array;
  private readonly tails: Uint32Array;
  /** The producer's last request for room that was answered. */
  private readonly answered: Int32Array;

  constructor(layout: VnicLayout, mine: Half, theirs: Half, health: Health) {
    const { rings } = layout.shape;
    this.layout = layout;
    this.mine = mine;
    this.theirs = theirs;
    this.health = health;
    this.heads = new Uint32Array(rings);
    this.tails = new Uint32Array(rings);
    this.answered = new Int32Array(rings);
  }

  /** How many records there are now; none new where the producer's index cannot be right. */
  available(ring: number): number {
    const tail = Atomics.load(this.theirs.i32, ringAt(this.layout, ring) + TAIL) >>> 0;
    const head = this.heads[ring]!;
    const known = (this.tails[ring]! - head) >>> 0;
    if ((tail - this.tails[ring]!) >>> 0 > RING_RECORDS - known) {
      this.health.blame('badIndex');
      return 0;
    }
    this.tails[ring] = tail;
    return (tail - head) >>> 0;
  }

  /** Where in the producer's half the record lies that is `ahead` of the next one: two words, to be read once. */
  recordAt(ring: number, ahead: number): number {
    return recordAt(ringAt(this.layout, ring), this.heads[ring]! + ahead);
  }

  /** So many have been taken. */
  take(ring: number, count: number): void {
    const head = (this.heads[ring]! + count) >>> 0;
    this.heads[ring] = head;
    Atomics.store(this.mine.i32, headAt(this.layout, ring), head | 0);
  }

  /** After `take`: true when the producer waits for room, half of the ring is free, and it was not rung for it. */
  mustRing(ring: number): boolean {
    const asked = Atomics.load(this.theirs.i32, ringAt(this.layout, ring) + ROOM);
    if (asked === this.answered[ring]) return false;
    if ((this.tails[ring]! - this.heads[ring]!) >>> 0 > RING_RECORDS / 2) return false;
    this.answered[ring] = asked;
    return true;
  }
}
