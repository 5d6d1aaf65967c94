// A queue for each flow, by its row: linked rings of the pool (Backdraft §4.2), taken one by one while it grows and
// given back as they empty. First in, first out; what must go again is put in front. Frames may be of several pieces.

import { type Columns, columnsOf } from '../../base/columns.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK } from '../../packet/pieces.ts';
import type { QueueMemory } from './queue-memory.ts';
import { RING_RECORDS, type RingPool } from './ring-pool.ts';

const FIRST_ROWS = 64;

const SHAPE = {
  /** Good while there are rings. */
  head: Uint32Array,
  tail: Uint32Array,
  /** The first record of the first ring, and one behind the last of the last. */
  headAt: Uint8Array,
  tailAt: Uint8Array,
  rings: Uint32Array,
  frames: Uint32Array,
  bytes: Float64Array,
} as const;

export type FlowQueuesState = Columns<typeof SHAPE>;

export class FlowQueues {
  private readonly pool: RingPool;
  private columns: Columns<typeof SHAPE>;

  constructor(pool: RingPool, old?: FlowQueuesState) {
    this.pool = pool;
    this.columns = old ?? columnsOf(SHAPE, FIRST_ROWS);
  }

  save(): FlowQueuesState {
    return this.columns;
  }

  /** There may be flows up to this one: makes room in the columns. */
  reach(flow: number): void {
    const { length } = this.columns.head;
    if (flow >= length) this.columns = columnsOf(SHAPE, Math.max(flow + 1, length * 2), this.columns);
  }

  framesOf(flow: number): number {
    return this.columns.frames[flow]!;
  }

  bytesOf(flow: number): number {
    return this.columns.bytes[flow]!;
  }

  ringsOf(flow: number): number {
    return this.columns.rings[flow]!;
  }

  /** How many more rings it takes to queue so many pieces. */
  ringsFor(flow: number, pieces: number): number {
    const { rings, tailAt } = this.columns;
    const room = rings[flow] === 0 ? 0 : RING_RECORDS - tailAt[flow]!;
    return pieces <= room ? 0 : Math.ceil((pieces - room) / RING_RECORDS);
  }

  /** Puts a piece behind the others, reference included; false when the pool has no ring. */
  push(flow: number, offset: number, word: number): boolean {
    const { columns, pool } = this;
    if (columns.rings[flow] === 0 || columns.tailAt[flow] === RING_RECORDS) {
      const ring = pool.take();
      if (ring < 0) return false;
      if (columns.rings[flow]!++ === 0) {
        columns.head[flow] = ring;
        columns.headAt[flow] = 0;
      } else {
        pool.link(columns.tail[flow]!, ring);
      }
      columns.tail[flow] = ring;
      columns.tailAt[flow] = 0;
    }
    pool.write(columns.tail[flow]!, columns.tailAt[flow]!++, offset, word);
    this.count(flow, word, 1);
    return true;
  }

  /** Puts a piece in front of the others, reference included; false when the pool has no ring. */
  pushFront(flow: number, offset: number, word: number): boolean {
    const { columns, pool } = this;
    if (columns.rings[flow] === 0 || columns.headAt[flow] === 0) {
      const ring = pool.take();
      if (ring < 0) return false;
      if (columns.rings[flow]!++ === 0) {
        columns.tail[flow] = ring;
        columns.tailAt[flow] = RING_RECORDS;
      } else {
        pool.link(ring, columns.head[flow]!);
      }
      columns.head[flow] = ring;
      columns.headAt[flow] = RING_RECORDS;
    }
    pool.write(columns.head[flow]!, --columns.headAt[flow]!, offset, word);
    this.count(flow, word, 1);
    return true;
  }

  frontOffset(flow: number): number {
    return this.pool.offset(this.columns.head[flow]!, this.columns.headAt[flow]!);
  }

  /** The length with its flags. */
  frontWord(flow: number): number {
    return this.pool.word(this.columns.head[flow]!, this.columns.headAt[flow]!);
  }

  /** Takes the first piece out; its reference is the caller's. */
  shift(flow: number): void {
    const { columns, pool } = this;
    this.count(flow, this.frontWord(flow), -1);
    const ring = columns.head[flow]!;
    const isLast = columns.rings[flow] === 1;
    if (++columns.headAt[flow]! < (isLast ? columns.tailAt[flow]! : RING_RECORDS)) return;
    columns.rings[flow]!--;
    if (!isLast) columns.head[flow] = pool.next(ring);
    columns.headAt[flow] = 0;
    pool.give(ring);
  }

  /** Calls `visit` with each piece, in order. */
  each(flow: number, visit: (offset: number, word: number) => void): void {
    const { pool, columns } = this;
    let ring = columns.head[flow]!;
    let at = columns.headAt[flow]!;
    for (let left = columns.rings[flow]!; left > 0; left--) {
      const end = left === 1 ? columns.tailAt[flow]! : RING_RECORDS;
      for (; at < end; at++) visit(pool.offset(ring, at), pool.word(ring, at));
      at = 0;
      if (left > 1) ring = pool.next(ring);
    }
  }

  /** Asks `memory` where each piece lies from now on; how many there were. */
  resettle(flow: number, memory: QueueMemory): number {
    const { pool, columns } = this;
    let ring = columns.head[flow]!;
    let at = columns.headAt[flow]!;
    let pieces = 0;
    for (let left = columns.rings[flow]!; left > 0; left--) {
      const end = left === 1 ? columns.tailAt[flow]! : RING_RECORDS;
      for (; at < end; at++, pieces++) {
        const word = pool.word(ring, at);
        pool.write(ring, at, memory.resettle(pool.offset(ring, at), word & PIECE_LENGTH_MASK), word);
      }
      at = 0;
      if (left > 1) ring = pool.next(ring);
    }
    return pieces;
  }

  private count(flow: number, word: number, sign: 1 | -1): void {
    const { frames, bytes } = this.columns;
    bytes[flow]! += sign * (word & PIECE_LENGTH_MASK);
    if (word >= PIECE_LAST) frames[flow]! += sign;
  }
}
