// The headers of a frame from a vNIC, parsed once for all who look at them: the source policy, forwarding, and, where the
// frame may have to wait or its receiver has a queue a flow, classification (Backdraft §4.2). They stand for a whole train.

import type { Bytes } from '../../base/bytes.ts';
import { FLOW_WORDS, type FlowKey, NATIVE_FLOW } from '../../packet/device.ts';
import { writeFlowKey } from '../../wire/flow-key.ts';
import { FrameView } from '../../wire/frame.ts';
import { nativeFlowOf, VIRTIO_NET_HEADER_BYTES, VirtioNetHeaderView } from '../../wire/virtio-net-header.ts';

export class FrameHead {
  readonly virtio = new VirtioNetHeaderView();
  readonly frame = new FrameView();
  private readonly bytes: Bytes;
  private offset = 0;
  private readonly words: FlowKey = new Uint32Array(FLOW_WORDS);
  private isClassified = false;

  constructor(bytes: Bytes) {
    this.bytes = bytes;
  }

  /** Of a frame in one piece, `length` bytes with its virtio_net_hdr; false for a malformed one. */
  aim(offset: number, length: number): boolean {
    const { bytes } = this;
    this.offset = offset;
    this.isClassified = false;
    if (!this.virtio.aim(bytes, offset, length)) return false;
    return this.frame.aim(bytes, offset + VIRTIO_NET_HEADER_BYTES, length - VIRTIO_NET_HEADER_BYTES);
  }

  /** The key of its flow; good until another frame is looked at. */
  get key(): FlowKey {
    const { words, bytes } = this;
    if (this.isClassified) return words;
    writeFlowKey(this.frame, bytes, words, 0);
    words[NATIVE_FLOW] = nativeFlowOf(bytes.view, this.offset);
    this.isClassified = true;
    return words;
  }
}
