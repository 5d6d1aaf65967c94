// Which flow a frame belongs to: its headers' key, and the native flow id that its sender may have written into the
// virtio_net_hdr. Frames lie in the region; the key of the one looked at last is in `key`.

import type { Bytes } from '../../base/bytes.ts';
import { FLOW_WORDS, type FlowKey, NATIVE_FLOW } from '../../packet/device.ts';
import { FlowClassifier } from '../../wire/flow-key.ts';
import { nativeFlowOf, VIRTIO_NET_HEADER_BYTES } from '../../wire/virtio-net-header.ts';

export class FlowKeys {
  readonly key: FlowKey = new Uint32Array(FLOW_WORDS);
  private readonly bytes: Bytes;
  private readonly classifier = new FlowClassifier();

  constructor(bytes: Bytes) {
    this.bytes = bytes;
  }

  /** Of a frame whose virtio_net_hdr is in front of it. */
  classify(offset: number, length: number): FlowKey {
    const headers = VIRTIO_NET_HEADER_BYTES;
    return this.classifyParts(offset, offset + headers, length - headers);
  }

  /** Of a frame of which `length` bytes lie at `at`. What is malformed is a flow of its own, of all zeros. */
  classifyParts(header: number, at: number, length: number): FlowKey {
    const { key, bytes } = this;
    if (!this.classifier.classify(bytes, at, length, key, 0)) key.fill(0);
    key[NATIVE_FLOW] = nativeFlowOf(bytes.view, header);
    return key;
  }
}
