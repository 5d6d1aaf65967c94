// Plain VXLAN (RFC 7348), for networks that are not reliable, for peers that do not answer, and for broadcasts.
// An offload frame is cut and its checksum completed first: a plain VTEP takes neither.

import type { Outbox } from '../packet/outbox.ts';
import { CHUNK_BYTES, type Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import { SLOTS } from '../paths/path-table.ts';
import { FLOW_KEY_WORDS, FlowClassifier, hashFlowKey } from '../wire/flow-key.ts';
import { Segmenter } from '../wire/segmentation.ts';
import { VIRTIO_NET_HEADER_BYTES, VirtioNetHeaderView } from '../wire/virtio-net-header.ts';
import { VXLAN_HEADER_BYTES, writeVxlanHeader } from '../wire/vxlan.ts';
import type { FrameDropReason } from './drops.ts';

export class PlainVxlan {
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly outbox: Outbox;
  private readonly flush: () => void;
  private readonly maxFrameBytes: number;
  private readonly header = new VirtioNetHeaderView();
  private readonly segmenter = new Segmenter();
  private readonly flows = new FlowClassifier();
  private readonly key = new Uint32Array(FLOW_KEY_WORDS);

  /** `flush` empties the outbox; cut frames are written through `writer`. */
  constructor(region: Region, writer: ChunkWriter, outbox: Outbox, datagramBytes: number, flush: () => void) {
    this.region = region;
    this.writer = writer;
    this.outbox = outbox;
    this.flush = flush;
    this.maxFrameBytes = datagramBytes - VXLAN_HEADER_BYTES;
  }

  /**
   * Puts the frame at `offset` (virtio_net_hdr first) into the outbox for `peer`. Why it could not be sent, or
   * undefined. Its bytes must stay until the outbox is flushed.
   */
  encapsulate(peer: number, vni: number, offset: number, length: number): FrameDropReason | undefined {
    const { bytes } = this.region;
    const at = offset + VIRTIO_NET_HEADER_BYTES;
    const frameBytes = length - VIRTIO_NET_HEADER_BYTES;
    if (!this.header.aim(bytes, offset, length)) return 'malformedFrame';
    const slot = this.slotOf(at, frameBytes);
    if (!this.header.isSuperFrame && !this.header.needsChecksum) {
      if (frameBytes > this.maxFrameBytes) return 'tooLong';
      this.add(peer, vni, slot, at, frameBytes);
      return undefined;
    }
    return this.cut(peer, vni, slot, at, frameBytes);
  }

  private cut(
    peer: number,
    vni: number,
    slot: number,
    at: number,
    length: number,
  ): FrameDropReason | undefined {
    const { region, segmenter, writer } = this;
    if (segmenter.plan(region.bytes, at, length, this.header) !== undefined) return 'malformedFrame';
    if (segmenter.segmentBytes > this.maxFrameBytes) return 'tooLong';
    const total = segmenter.totalBytes(0);
    // Thousands of segments of a few bytes each, as no TCP makes them.
    if (total > CHUNK_BYTES) return 'tooLong';
    const to = writer.room(total);
    if (to === 0) return 'noMemory';
    if (typeof segmenter.write(region.bytes, to, total, 0) !== 'number') return 'malformedFrame';
    writer.commit(total);
    region.retain(to, 1);
    for (let i = 0; i < segmenter.count; i++) {
      const last = i === segmenter.count - 1;
      const size = last ? segmenter.lastSegmentBytes : segmenter.segmentBytes;
      this.add(peer, vni, slot, to + i * segmenter.segmentBytes, size);
    }
    this.flush();
    region.release(to);
    return undefined;
  }

  private add(peer: number, vni: number, slot: number, at: number, length: number): void {
    const { outbox, region } = this;
    if (outbox.room === 0) this.flush();
    writeVxlanHeader(region.bytes.view, outbox.headerEnd() - VXLAN_HEADER_BYTES, vni);
    outbox.add(peer, slot, VXLAN_HEADER_BYTES, at, length);
  }

  /** One flow takes one path, as RFC 7348 §5 asks of the source port. */
  private slotOf(at: number, length: number): number {
    if (!this.flows.classify(this.region.bytes, at, length, this.key, 0)) return 0;
    return hashFlowKey(this.key, 0) % SLOTS;
  }
}
