// Plain VXLAN (RFC 7348), for networks that are not reliable, for peers that do not answer, and for broadcasts.
// An offload frame is cut and its checksum completed first: a plain VTEP takes neither.

import type { Outbox } from '../packet/outbox.ts';
import type { Region } from '../packet/region.ts';
import { SLOTS } from '../paths/path-table.ts';
import { FLOW_KEY_WORDS, FlowClassifier, hashFlowKey } from '../wire/flow-key.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';
import { VXLAN_HEADER_BYTES, writeVxlanHeader } from '../wire/vxlan.ts';
import type { Cutter } from './cutter.ts';
import type { FrameDropReason } from './drops.ts';

export class PlainVxlan {
  private readonly region: Region;
  private readonly cutter: Cutter;
  private readonly outbox: Outbox;
  private readonly flush: () => void;
  private readonly maxFrameBytes: number;
  private readonly flows = new FlowClassifier();
  private readonly key = new Uint32Array(FLOW_KEY_WORDS);

  /** `flush` empties the outbox; `cutter` cuts what is too large. */
  constructor(region: Region, cutter: Cutter, outbox: Outbox, datagramBytes: number, flush: () => void) {
    this.region = region;
    this.cutter = cutter;
    this.outbox = outbox;
    this.flush = flush;
    this.maxFrameBytes = datagramBytes - VXLAN_HEADER_BYTES;
  }

  /**
   * Puts the frame at `offset` (virtio_net_hdr first) into the outbox for `peer`. Why it could not be sent, or
   * undefined. Its bytes must stay until the outbox is flushed.
   */
  encapsulate(peer: number, vni: number, offset: number, length: number): FrameDropReason | undefined {
    const at = offset + VIRTIO_NET_HEADER_BYTES;
    const frameBytes = length - VIRTIO_NET_HEADER_BYTES;
    if (!this.cutter.look(offset, length)) return 'malformedFrame';
    const slot = this.slotOf(at, frameBytes);
    if (this.cutter.isWhole) {
      if (frameBytes > this.maxFrameBytes) return 'tooLong';
      this.add(peer, vni, slot, at, frameBytes);
      return undefined;
    }
    return this.cut(peer, vni, slot, offset, length);
  }

  private cut(
    peer: number,
    vni: number,
    slot: number,
    offset: number,
    length: number,
  ): FrameDropReason | undefined {
    const { cutter, region } = this;
    const rejected = cutter.cut(offset, length, 0, this.maxFrameBytes);
    if (rejected !== undefined) return rejected;
    const { at, count, stride, lastBytes } = cutter;
    for (let i = 0; i < count; i++)
      this.add(peer, vni, slot, at + i * stride, i === count - 1 ? lastBytes : stride);
    this.flush();
    region.release(at);
    return undefined;
  }

  private add(peer: number, vni: number, slot: number, at: number, length: number): void {
    const { outbox, region } = this;
    if (outbox.room === 0) this.flush();
    writeVxlanHeader(region.bytes.view, outbox.headerEnd() - VXLAN_HEADER_BYTES, vni);
    outbox.add(peer, slot, VXLAN_HEADER_BYTES, at, length, laneOf(region.bytes.view, at));
  }

  /** One flow takes one path, as RFC 7348 §5 asks of the source port. */
  private slotOf(at: number, length: number): number {
    if (!this.flows.classify(this.region.bytes, at, length, this.key, 0)) return 0;
    return hashFlowKey(this.key, 0) % SLOTS;
  }
}

/** Frames for one vNIC are for one thread of the peer; no connection's packets share their lane. */
function laneOf(view: DataView, at: number): number {
  return 0x1_0000 + view.getUint16(at + 4);
}
