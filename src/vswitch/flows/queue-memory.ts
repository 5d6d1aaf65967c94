// The memory that frames wait in, and who gets how much of it. All queues of a switch share one pool of rings and one
// region, so nobody is given a fixed part: a queue may grow while it has no more than what is left of rings and of its
// link's bytes (dynamic thresholds, Choudhury & Hahne). One that nobody empties ends with half, several with equal parts, and
// there is always some left for who comes next; links share the region in the same way.

import { CHUNK_BYTES, CHUNK_SHIFT, type Region } from '../../packet/region.ts';
import { ChunkWriter, type ChunkWriterState } from '../../packet/writer.ts';
import { RingPool, type RingPoolState } from './ring-pool.ts';

/** Two million records, 16 MB when all are used: more small frames than the region of a data thread holds at once. */
const RINGS = 32_768;
/** Part of the rings that no flow of its own gets: for flows that share a queue, and for what is put in front again. */
const RESERVE_SHIFT = 4;
/** Deep enough for a TCP window of the usual limit (6 MB): guests then slow down by their own window, not by loss. */
export const FLOW_BYTES = 8 << 20;
/** All flows of a link together: one vNIC, or a pair of them, gets at most so much. */
const LINK_BYTES = 2 * FLOW_BYTES;
/** And no more than so many times what is left. */
const LINK_SHARE = 2;
/**
 * But a flow that has little may have it while its link has no more than so many times what is left: who is asked to pause
 * sends what it sends in a round trip before it can know, and many flows may do so at a time.
 */
const LITTLE_BYTES = 32 << 10;
const LITTLE_SHARE = 8;
/** Part of the region's chunks that waiting frames leave to others, as devices and the transport do. */
const LEFT_SHIFT = 2;
/** So much memory a byte takes that arrives in a packet of full size: headers, and the gaps between packets. */
const PACKED = 1.125;
/** A frame of so many bytes or less is copied to where waiting frames lie packed, when memory is short. */
const SMALL_BYTES = 2048;
/** What packed frames leave to others: less than waiting frames do, for copying them gives memory back. */
const PACKING_LEFT_SHIFT = 3;
/** A chunk that so many pieces or fewer keep is hardly used: an eighth of it, if they are as large as packets. */
const FEW_PIECES = 24;

export interface QueueMemoryState {
  readonly pool: RingPoolState;
  readonly writer: ChunkWriterState;
}

export class QueueMemory {
  readonly pool: RingPool;
  /** Rings there may be. */
  readonly rings: number;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly reserve: number;

  constructor(region: Region, old?: QueueMemoryState, rings = RINGS) {
    this.region = region;
    this.rings = rings;
    this.pool = new RingPool(rings, old?.pool);
    this.writer = new ChunkWriter(region, region.chunks >>> PACKING_LEFT_SHIFT, old?.writer);
    this.reserve = rings >>> RESERVE_SHIFT;
  }

  save(): QueueMemoryState {
    return { pool: this.pool.save(), writer: this.writer.save() };
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    if (this.writer.held !== 0) visit(this.writer.held);
  }

  /** Whether a flow that has no queue can have one of its own. */
  get hasQueue(): boolean {
    return this.pool.free > this.reserve;
  }

  /** Whether a flow with so many rings may have so many more; `shares` its queue: with other flows. */
  admitsRings(rings: number, more: number, shares: boolean): boolean {
    const left = this.pool.free - (shares ? this.reserve >>> 1 : this.reserve);
    return more === 0 || (more <= left && rings + more <= left + 1);
  }

  /** Whether so many bytes more may wait in a flow with `flowBytes`, of a link with `linkBytes`. */
  admitsBytes(bytes: number, flowBytes: number, linkBytes: number): boolean {
    if (flowBytes + bytes <= Math.min(FLOW_BYTES, this.roomBytes(linkBytes))) return true;
    return flowBytes + bytes <= LITTLE_BYTES && linkBytes + bytes <= LITTLE_SHARE * this.leftBytes(0);
  }

  /** How much more may wait for a link with `linkBytes`. */
  roomBytes(linkBytes: number): number {
    return this.roomAfter(linkBytes, 0);
  }

  /**
   * The same once `coming` bytes more have come, which are on their way. They take more than one for one: there is less left
   * then, of which a link has its share, and less by whole chunks.
   */
  roomAfter(linkBytes: number, coming: number): number {
    const chunks = coming === 0 ? 0 : Math.ceil((coming * PACKED) / CHUNK_BYTES) + 1;
    return Math.min(LINK_BYTES, LINK_SHARE * this.leftBytes(chunks)) - linkBytes - coming;
  }

  /** Of what waiting frames may take, when so many more chunks are gone. */
  private leftBytes(chunks: number): number {
    const { region } = this;
    return (region.free - chunks - (region.chunks >>> LEFT_SHIFT)) * CHUNK_BYTES;
  }

  /** Half of the region is in use: pieces that wait are better packed than left where they came. */
  get isShort(): boolean {
    return this.region.free < this.region.chunks >>> 1;
  }

  /**
   * Where a piece that is to wait lies from now on. A small one pins a chunk of which the rest may be gone: when chunks
   * become few it is copied, and its reference is then one of the copy's.
   */
  settle(offset: number, bytes: number): number {
    return this.isShort && bytes <= SMALL_BYTES ? this.pack(offset, bytes) : offset;
  }

  /** The same for a piece that waits already: packed anew if it and a few others keep a whole chunk. */
  resettle(offset: number, bytes: number): number {
    const { region, writer } = this;
    if (bytes > SMALL_BYTES || region.references(offset) > FEW_PIECES) return offset;
    const isPacked = offset >>> CHUNK_SHIFT === writer.held >>> CHUNK_SHIFT;
    return isPacked ? offset : this.pack(offset, bytes);
  }

  private pack(offset: number, bytes: number): number {
    const { region, writer } = this;
    const to = writer.room(bytes);
    if (to === 0) return offset;
    region.bytes.u8.copyWithin(to, offset, offset + bytes);
    writer.commit(bytes);
    region.retain(to, 1);
    region.release(offset);
    return to;
  }
}
