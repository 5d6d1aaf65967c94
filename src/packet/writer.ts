// Fills chunks one packet after another. Whoever reads from a device reserves room for the largest packet,
// reads, and commits what came: small packets lie densely packed and none is copied.

import { CHUNK_BYTES, type Region } from './region.ts';

const ALIGNMENT = 64;

export interface ChunkWriterState {
  readonly chunk: number;
  readonly used: number;
}

export class ChunkWriter {
  private readonly region: Region;
  /** Chunks this writer leaves to others: it reserves nothing when fewer are free. */
  private readonly reserve: number;
  private chunk: number;
  private used: number;

  /** What goes on from an old writer takes over its reference of the chunk. */
  constructor(region: Region, reserve: number, old?: ChunkWriterState) {
    this.region = region;
    this.reserve = reserve;
    this.chunk = old?.chunk ?? 0;
    this.used = old?.used ?? 0;
  }

  save(): ChunkWriterState {
    const { chunk, used } = this;
    return { chunk, used };
  }

  /** Offset of the chunk it holds a reference of, or 0. */
  get held(): number {
    return this.chunk;
  }

  /** Offset with room for `bytes`, or 0 when the region has no chunk to give. */
  room(bytes: number): number {
    if (this.chunk !== 0) {
      if (this.used + bytes <= CHUNK_BYTES) return this.chunk + this.used;
      // Nobody else holds it: start over in memory that the cache still has.
      if (this.region.references(this.chunk) === 1) {
        this.used = 0;
        return this.chunk;
      }
    }
    if (this.region.free <= this.reserve) return 0;
    if (this.chunk !== 0) this.region.release(this.chunk);
    this.chunk = this.region.take();
    this.used = 0;
    return this.chunk;
  }

  /** Keeps `bytes` from the offset that `room` gave. The packet's own references are its holder's to add. */
  commit(bytes: number): void {
    this.used = (this.used + bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** Starts the chunk over when no packet in it is held any more. */
  rewind(): void {
    if (this.chunk !== 0 && this.region.references(this.chunk) === 1) this.used = 0;
  }
}
