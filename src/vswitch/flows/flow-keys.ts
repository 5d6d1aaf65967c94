// Which flow a frame belongs to: its headers' key, and the native flow id that its sender may have written into the
// virtio_net_hdr. Frames lie in the region, in one piece or in several of which the first has the headers. The key of the
// frame looked at last is in `key`. What is malformed is a flow of its own, of zeros.

import { allocateBytes, type Bytes } from '../../base/bytes.ts';
import { FLOW_WORDS, type FlowKey, MAX_FRAME_BYTES, NATIVE_FLOW } from '../../packet/device.ts';
import { PIECE_LENGTH_MASK, type PieceList } from '../../packet/pieces.ts';
import { writeFlowKey } from '../../wire/flow-key.ts';
import { FrameView } from '../../wire/frame.ts';
import { nativeFlowOf, VIRTIO_NET_HEADER_BYTES } from '../../wire/virtio-net-header.ts';

/** Bytes of a transport header that are looked at. */
const PORTS_BYTES = 4;

export class FlowKeys {
  readonly key: FlowKey = new Uint32Array(FLOW_WORDS);
  private readonly bytes: Bytes;
  private readonly frame = new FrameView();
  /** For a frame at the end of the memory. */
  private edge: Bytes | undefined;

  constructor(bytes: Bytes) {
    this.bytes = bytes;
  }

  /** Of a frame in one piece. */
  classify(offset: number, length: number): FlowKey {
    const frameBytes = length - VIRTIO_NET_HEADER_BYTES;
    return this.read(offset, offset + VIRTIO_NET_HEADER_BYTES, frameBytes, frameBytes);
  }

  /** Of the frame that is the pieces from `start` to `end` of a list; the virtio_net_hdr may be a piece of its own. */
  classifyPieces({ words }: PieceList, start: number, end: number): FlowKey {
    let bytes = -VIRTIO_NET_HEADER_BYTES;
    for (let i = start; i < end; i++) bytes += words[i * 2 + 1]! & PIECE_LENGTH_MASK;
    const header = words[start * 2]!;
    const first = words[start * 2 + 1]! & PIECE_LENGTH_MASK;
    if (first > VIRTIO_NET_HEADER_BYTES || end === start + 1) {
      return this.read(header, header + VIRTIO_NET_HEADER_BYTES, first - VIRTIO_NET_HEADER_BYTES, bytes);
    }
    return this.read(header, words[start * 2 + 2]!, words[start * 2 + 3]! & PIECE_LENGTH_MASK, bytes);
  }

  /** Of `length` bytes the first `here` are at `at`. */
  private read(header: number, at: number, here: number, length: number): FlowKey {
    const { bytes, key } = this;
    key[NATIVE_FLOW] = nativeFlowOf(bytes.view, header);
    // Headers say how long the whole is, and a reader of them may look as far: not beyond the memory.
    if (at + length <= bytes.u8.length) {
      this.write(bytes, at, here, length);
      return key;
    }
    this.edge ??= allocateBytes(MAX_FRAME_BYTES);
    this.edge.u8.set(bytes.u8.subarray(at, at + here));
    this.write(this.edge, 0, here, Math.min(length, MAX_FRAME_BYTES));
    return key;
  }

  private write(bytes: Bytes, at: number, here: number, length: number): void {
    const { frame, key } = this;
    // What lies behind the piece is another packet's: it decides nothing.
    const isWhole =
      here >= 0 &&
      frame.aim(bytes, at, length) &&
      frame.transportAt + Math.min(PORTS_BYTES, frame.transportLength) <= at + here;
    if (isWhole) writeFlowKey(frame, bytes, key, 0);
    else key.fill(0, 0, NATIVE_FLOW);
  }
}
