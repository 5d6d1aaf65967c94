// The memory packets lie in. One region a thread, cut into chunks of one size that are reference-counted; a
// packet is an offset and a length, so nothing is allocated and nothing is copied while it passes through.
//
// Offset 0 is never handed out: a piece whose words are zero is "no packet".

import { allocateBytes, type Bytes } from '../base/bytes.ts';

/** Room for a 64 KB frame with its virtio header in each of several reads, so that small frames lie packed. */
export const CHUNK_SHIFT = 18;
export const CHUNK_BYTES = 1 << CHUNK_SHIFT;

/** Memory and where it is mapped; `address` is 0 where no system call will ever see it. */
export interface Memory {
  readonly bytes: Bytes;
  readonly address: number;
}

export class Region {
  readonly bytes: Bytes;
  /** Address of offset 0 in the process, for scatter-gather system calls. */
  readonly address: number;
  readonly chunks: number;
  private readonly refs: Uint32Array;
  private readonly freeList: Uint32Array;
  private freeCount = 0;

  /** `memory` must be a multiple of CHUNK_BYTES long; its first chunk is kept for packet headers and control. */
  constructor(memory: Memory) {
    this.bytes = memory.bytes;
    this.address = memory.address;
    this.chunks = memory.bytes.u8.length >>> CHUNK_SHIFT;
    this.refs = new Uint32Array(this.chunks);
    this.freeList = new Uint32Array(this.chunks);
    this.refs[0] = 1;
    for (let chunk = this.chunks - 1; chunk >= 1; chunk--) this.freeList[this.freeCount++] = chunk;
  }

  /** Chunks nobody holds. */
  get free(): number {
    return this.freeCount;
  }

  /** Takes a chunk with one reference; its offset, or 0 when there is none. */
  take(): number {
    if (this.freeCount === 0) return 0;
    const chunk = this.freeList[--this.freeCount]!;
    this.refs[chunk] = 1;
    return chunk << CHUNK_SHIFT;
  }

  /** Adds `n` references to the chunk that holds `offset`. */
  retain(offset: number, n: number): void {
    this.refs[offset >>> CHUNK_SHIFT]! += n;
  }

  /** Drops one reference of the chunk that holds `offset`; the last one frees it. */
  release(offset: number): void {
    const chunk = offset >>> CHUNK_SHIFT;
    if (--this.refs[chunk]! === 0) this.freeList[this.freeCount++] = chunk;
  }

  /**
   * Counts all references anew: `eachHeld` calls its argument with the offset of each. For the moment after an engine was
   * interrupted, when some may be nobody's.
   */
  recount(eachHeld: (visit: (offset: number) => void) => void): void {
    const { refs, freeList } = this;
    refs.fill(0);
    refs[0] = 1;
    eachHeld((offset) => {
      refs[offset >>> CHUNK_SHIFT]!++;
    });
    this.freeCount = 0;
    for (let chunk = this.chunks - 1; chunk >= 1; chunk--) {
      if (refs[chunk] === 0) freeList[this.freeCount++] = chunk;
    }
  }

  references(offset: number): number {
    return this.refs[offset >>> CHUNK_SHIFT]!;
  }
}

/** Memory of `chunks` chunks that only JavaScript reads: for the simulator and for tests. */
export function localMemory(chunks: number): Memory {
  return { bytes: allocateBytes(chunks * CHUNK_BYTES), address: 0 };
}
