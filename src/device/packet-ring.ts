// A ring of packets from one thread to another, in memory that both share: each packet with what its receiver knows of
// it. One thread pushes, another takes; neither waits. Positions only grow, modulo 2^32, and a packet lies in one piece:
// where the rest of the ring is too short for it, a filler leads to the beginning.

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
    const { positions, size } = this;
    const tail = positions[TAIL]!;
    const needed = (RECORD_BYTES + length + 7) & -8;
    const start = tail & (size - 1);
    const filler = start + needed > size ? size - start : 0;
    if (((tail - Atomics.load(positions, HEAD)) | 0) + filler + needed > size) return false;
    if (filler > 0) this.words[start >>> 2] = FILLER;
    const to = filler > 0 ? 0 : start;
    const word = to >>> 2;
    this.words[word] = length;
    this.words[word + 1] = hops;
    for (let i = 0; i < 4; i++) this.words[word + RECORD_SOURCE + i] = words[sourceAt + i]!;
    this.view.setFloat64(to + RECORD_ARRIVED, arrivedMicros);
    this.u8.set(region.bytes.u8.subarray(at, at + length), to + RECORD_BYTES);
    Atomics.store(positions, TAIL, (tail + filler + needed) | 0);
    return true;
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
