// Cuts a tenant's offload frame into frames that any peer takes, in memory of its own: towards a plain VXLAN peer, and
// where a network does not want its frames reordered, so that each frame is one packet and goes on alone (BIFROST §7.3).

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
    const { region, segmenter, writer } = this;
    const at = offset + VIRTIO_NET_HEADER_BYTES;
    const frameBytes = length - VIRTIO_NET_HEADER_BYTES;
    if (segmenter.plan(region.bytes, at, frameBytes, this.header) !== undefined) return 'malformedFrame';
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
