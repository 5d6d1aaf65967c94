// A ring of packets from one thread to another, in memory that both share: each packet with what its receiver knows of
// it; or a frame for a vNIC that the other thread alone can write to. One thread pushes, another takes; neither waits. Positions only grow, modulo 2^32, and a packet lies in one piece:
// where the rest of the ring is too short for it, a filler leads to the beginning.

import { PIECE_LENGTH_MASK, type PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';

/** Room for a few of the longest datagrams. */
export const RING_BYTES = 1 << 18;
/** Each position has a cache line of its own. */
const HEAD = 0;
const TAIL = 16;
const DATA_AT = 128;
/** Length, hops, the four words of the source, and when it arrived as a double. */
const RECORD_BYTES = 32;
const RECORD_SOURCE = 2;
const RECORD_ARRIVED = 24;
const FILLER = 0xffff_ffff;
/** In place of hops: a frame, and the first word of the source is the port that it is for. */
export const IS_FRAME = 0xffff_ffff;

export function newPacketRing(bytes = RING_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(DATA_AT + bytes);
}

export class PacketRing {
  /** Of the packet that `front` found: its length, hops, and when it arrived on the clock of all threads. */
  length = 0;
  hops = 0;
  arrivedMicros = 0;
  /** Its source, from `sourceAt` on, as in a run of the inbox. */
  readonly words: Uint32Array;
  sourceAt = 0;
  private readonly positions: Int32Array;
  private readonly u8: Uint8Array;
  private readonly view: DataView;
  private readonly size: number;
  private nextTail = 0;

  /** Of a power of two of bytes, as newPacketRing makes it. */
  constructor(memory: SharedArrayBuffer) {
    this.positions = new Int32Array(memory, 0, DATA_AT / 4);
    this.u8 = new Uint8Array(memory, DATA_AT);
    this.words = new Uint32Array(memory, DATA_AT);
    this.view = new DataView(memory, DATA_AT);
    this.size = this.u8.length;
  }

  /**
   * Takes a copy of `length` bytes, at most half the ring, at `at` of the region; false when there is no room. The source is four words from
   * `sourceAt` of `words`.
   */
  push(
    region: Region,
    at: number,
    length: number,
    hops: number,
    arrivedMicros: number,
    words: Uint32Array,
    sourceAt: number,
  ): boolean {
    const to = this.claim(length, 0);
    if (to < 0) return false;
    const word = to >>> 2;
    this.words[word + 1] = hops;
    for (let i = 0; i < 4; i++) this.words[word + RECORD_SOURCE + i] = words[sourceAt + i]!;
    this.view.setFloat64(to + RECORD_ARRIVED, arrivedMicros);
    this.u8.set(region.bytes.u8.subarray(at, at + length), to + RECORD_BYTES);
    Atomics.store(this.positions, TAIL, this.nextTail);
    return true;
  }

  /** Takes a copy of the frame of pieces `start` to `end`, for a port; false when half the ring is full: packets have the rest. */
  pushFrame(region: Region, { words }: PieceList, start: number, end: number, port: number): boolean {
    let length = 0;
    for (let i = start; i < end; i++) length += words[i * 2 + 1]! & PIECE_LENGTH_MASK;
    const to = this.claim(length, this.size >>> 1);
    if (to < 0) return false;
    this.words[(to >>> 2) + 1] = IS_FRAME;
    this.words[(to >>> 2) + RECORD_SOURCE] = port;
    let at = to + RECORD_BYTES;
    for (let i = start; i < end; i++) {
      const offset = words[i * 2]!;
      const bytes = words[i * 2 + 1]! & PIECE_LENGTH_MASK;
      this.u8.set(region.bytes.u8.subarray(offset, offset + bytes), at);
      at += bytes;
    }
    Atomics.store(this.positions, TAIL, this.nextTail);
    return true;
  }

  /** Where a record of `length` bytes begins, of which the length is written, with so much left behind it; or -1. */
  private claim(length: number, spare: number): number {
    const { positions, size } = this;
    const tail = positions[TAIL]!;
    const needed = (RECORD_BYTES + length + 7) & -8;
    const start = tail & (size - 1);
    const filler = start + needed > size ? size - start : 0;
    if (((tail - Atomics.load(positions, HEAD)) | 0) + filler + needed > size - spare) return -1;
    if (filler > 0) this.words[start >>> 2] = FILLER;
    const to = filler > 0 ? 0 : start;
    this.words[to >>> 2] = length;
    this.nextTail = (tail + filler + needed) | 0;
    return to;
  }

  /** Looks at the packet that comes next; false when there is none. */
  front(): boolean {
    const { positions, size } = this;
    let head = positions[HEAD]!;
    if (head === Atomics.load(positions, TAIL)) return false;
    let at = head & (size - 1);
    if (this.words[at >>> 2] === FILLER) {
      head = (head + size - at) | 0;
      Atomics.store(positions, HEAD, head);
      at = 0;
    }
    const word = at >>> 2;
    this.length = this.words[word]!;
    this.hops = this.words[word + 1]!;
    this.sourceAt = word + RECORD_SOURCE;
    this.arrivedMicros = this.view.getFloat64(at + RECORD_ARRIVED);
    return true;
  }

  /** Copies the packet that `front` found to `to` of the region, and removes it. */
  take(region: Region, to: number): void {
    const { positions, size, length } = this;
    const at = positions[HEAD]! & (size - 1);
    region.bytes.u8.set(this.u8.subarray(at + RECORD_BYTES, at + RECORD_BYTES + length), to);
    Atomics.store(positions, HEAD, (positions[HEAD]! + ((RECORD_BYTES + length + 7) & -8)) | 0);
  }
}
