// The reading end of a BPF ring buffer (BPF_MAP_TYPE_RINGBUF), in memory that the kernel writes and we see: a page with
// our position, a page with the kernel's, and the data twice in a row, so that no record is cut.

import { mapShared, type SharedView } from './mapped-array.ts';

const PAGE = 4096;
const HEADER_BYTES = 8;
const IS_BUSY = 0x8000_0000;
const IS_DISCARDED = 0x4000_0000;

export class RingBuffer {
  /** All records, each to be found by where it begins. They may not be touched after `drain` has returned. */
  readonly u32: Uint32Array;
  private readonly bytes: number;
  private readonly ours: SharedView;
  private readonly theirs: SharedView;
  private readonly consumer: BigUint64Array;
  private readonly producer: BigUint64Array;

  /** `bytes` is the map's size, a power of two. */
  constructor(fd: number, bytes: number) {
    this.bytes = bytes;
    this.ours = mapShared(fd, PAGE, 0, 'read-write');
    this.theirs = mapShared(fd, PAGE + 2 * bytes, PAGE, 'read');
    this.consumer = new BigUint64Array(this.ours.buffer, 0, 1);
    this.producer = new BigUint64Array(this.theirs.buffer, 0, 1);
    this.u32 = new Uint32Array(this.theirs.buffer, PAGE);
  }

  /** Passes on what has come, as the index of each record's first word; what comes meanwhile waits for the next call. */
  drain(take: (at: number) => void): void {
    const end = Number(Atomics.load(this.producer, 0));
    let position = Number(Atomics.load(this.consumer, 0));
    try {
      while (position < end) {
        const at = (position % this.bytes) / 4;
        const header = Atomics.load(this.u32, at);
        if (header >= IS_BUSY) break;
        position += Math.ceil((HEADER_BYTES + (header % IS_DISCARDED)) / 8) * 8;
        if (header < IS_DISCARDED) take(at + HEADER_BYTES / 4);
      }
    } finally {
      Atomics.store(this.consumer, 0, BigInt(position));
    }
  }

  close(): void {
    this.ours.unmap();
    this.theirs.unmap();
  }
}
