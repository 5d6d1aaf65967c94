// Cuts a tenant's offload frame into frames that any peer takes, in memory of its own: towards a plain VXLAN peer, for an
// endpoint of this host, and where a network does not want its frames reordered, so that each frame is one packet and
// goes on alone (BIFROST §7.3).

import { allocateBytes, type Bytes } from '../base/bytes.ts';
import { MAX_FRAME_BYTES } from '../packet/device.ts';
import { PIECE_LENGTH_MASK, type PieceList } from '../packet/pieces.ts';
import { CHUNK_BYTES, type Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import { Segmenter } from '../wire/segmentation.ts';
import { VIRTIO_NET_HEADER_BYTES, VirtioNetHeaderView } from '../wire/virtio-net-header.ts';
import type { FrameDropReason } from './drops.ts';

export class Cutter {
  /** After `cut`: where the first frame starts, behind its headroom. The caller has one reference of the chunk. */
  at = 0;
  count = 0;
  /** From one frame to the next, and the last one's length. */
  stride = 0;
  lastBytes = 0;
  /** Of the frame that `look` was called for, last. */
  readonly header = new VirtioNetHeaderView();
  private readonly segmenter = new Segmenter();
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  /** Where a frame that came in pieces is put together. */
  private whole: Bytes | undefined;

  constructor(region: Region, writer: ChunkWriter) {
    this.region = region;
    this.writer = writer;
  }

  /** False when the frame at `offset` (virtio_net_hdr first) is none. */
  look(offset: number, length: number): boolean {
    return this.header.aim(this.region.bytes, offset, length);
  }

  /** Whether the frame looked at needs no work: it is no offload frame, and its checksum is there. */
  get isWhole(): boolean {
    return !this.header.isSuperFrame && !this.header.needsChecksum;
  }

  /** Cuts the frame looked at into frames of at most `maxFrameBytes`, each behind `headroom` zero bytes; or why not. */
  cut(offset: number, length: number, headroom: number, maxFrameBytes: number): FrameDropReason | undefined {
    return this.cutOf(this.region.bytes, offset, length, headroom, maxFrameBytes);
  }

  /** Cuts the frame that is the pieces from `start` to `end`, whatever the size of its segments. */
  cutPieces(frames: PieceList, start: number, end: number, headroom: number): FrameDropReason | undefined {
    const { words } = frames;
    const { region, header } = this;
    let bytes = region.bytes;
    let offset = words[start * 2]!;
    let length = words[start * 2 + 1]! & PIECE_LENGTH_MASK;
    if (end > start + 1) {
      this.whole ??= allocateBytes(MAX_FRAME_BYTES);
      bytes = this.whole;
      offset = 0;
      length = this.gather(words, start, end, bytes);
      if (length < 0) return 'tooLong';
    }
    if (!header.aim(bytes, offset, length)) return 'malformedFrame';
    return this.cutOf(bytes, offset, length, headroom, MAX_FRAME_BYTES);
  }

  private gather(words: Uint32Array, start: number, end: number, { u8 }: Bytes): number {
    const from = this.region.bytes.u8;
    let length = 0;
    for (let i = start; i < end; i++) {
      const offset = words[i * 2]!;
      const bytes = words[i * 2 + 1]! & PIECE_LENGTH_MASK;
      if (length + bytes > u8.length) return -1;
      u8.set(from.subarray(offset, offset + bytes), length);
      length += bytes;
    }
    return length;
  }

  private cutOf(
    bytes: Bytes,
    offset: number,
    length: number,
    headroom: number,
    maxFrameBytes: number,
  ): FrameDropReason | undefined {
    const { region, segmenter, writer } = this;
    const at = offset + VIRTIO_NET_HEADER_BYTES;
    const frameBytes = length - VIRTIO_NET_HEADER_BYTES;
    if (segmenter.plan(bytes, at, frameBytes, this.header) !== undefined) return 'malformedFrame';
    if (segmenter.segmentBytes > maxFrameBytes) return 'tooLong';
    const total = segmenter.totalBytes(headroom);
    // Thousands of segments of a few bytes each, as no TCP makes them.
    if (total > CHUNK_BYTES) return 'tooLong';
    const to = writer.room(total);
    if (to === 0) return 'noMemory';
    if (typeof segmenter.write(region.bytes, to, total, headroom) !== 'number') return 'malformedFrame';
    writer.commit(total);
    region.retain(to, 1);
    this.at = to + headroom;
    this.count = segmenter.count;
    this.stride = headroom + segmenter.segmentBytes;
    this.lastBytes = segmenter.lastSegmentBytes;
    const { u8 } = region.bytes;
    for (let i = 0; i < this.count && headroom > 0; i++)
      u8.fill(0, to + i * this.stride, to + i * this.stride + headroom);
    return undefined;
  }
}
