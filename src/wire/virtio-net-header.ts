// struct virtio_net_hdr (virtio 1.2 §5.1.6), the ten bytes that a TAP with IFF_VNET_HDR puts in front of a frame
// and that the first packet of a super-frame carries: what is still to be done to the frame. Little endian. It
// comes from a tenant, so nothing in it is believed before it fits the frame that follows.

import type { Bytes } from '../base/bytes.ts';
import type { WireReject } from './reject.ts';

export const VIRTIO_NET_HEADER_BYTES = 10;

/** The checksum from csum_start to the frame's end is to be stored at csum_start + csum_offset. */
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
/** The checksums of this frame have been found right. */
export const VIRTIO_NET_HDR_F_DATA_VALID = 2;

/**
 * Ours: the frame comes from a native endpoint, and in place of csum_start and csum_offset is the 32-bit id of its flow
 * there. Such a frame has no checksum left to do, so the two fields are free. It travels between our hosts with the frame
 * (Backdraft §4.2: a queue for each flow, as applications know it), and no kernel ever sees it.
 */
export const VIRTIO_NET_HDR_F_FLOW = 0x80;

export const VIRTIO_NET_HDR_GSO_NONE = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
/** May be set beside a TCP type: the first segment has CWR (RFC 3168). */
export const VIRTIO_NET_HDR_GSO_ECN = 0x80;

const FLAGS = 0;
const GSO_TYPE = 1;
const HDR_LEN = 2;
const GSO_SIZE = 4;
const CSUM_START = 6;
const CSUM_OFFSET = 8;

/** Checks the header at `at` against the frame behind it; `length` is that of both. */
function checkVirtioNetHeader(view: DataView, at: number, length: number): WireReject | undefined {
  if (length < VIRTIO_NET_HEADER_BYTES) return 'too-short';
  const frameLength = length - VIRTIO_NET_HEADER_BYTES;
  if (view.getUint16(at + HDR_LEN, true) > frameLength) return 'bad-length';
  const needsChecksum = (view.getUint8(at + FLAGS) & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
  if (needsChecksum) {
    const field = view.getUint16(at + CSUM_START, true) + view.getUint16(at + CSUM_OFFSET, true);
    if (field + 2 > frameLength) return 'bad-length';
  }
  switch (view.getUint8(at + GSO_TYPE)) {
    case VIRTIO_NET_HDR_GSO_NONE:
      return undefined;
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
    case VIRTIO_NET_HDR_GSO_TCPV6:
    case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
    case VIRTIO_NET_HDR_GSO_UDP_L4:
      // The specification ties segmentation to NEEDS_CSUM: every segment needs a checksum of its own.
      if (!needsChecksum) return 'bad-field';
      return view.getUint16(at + GSO_SIZE, true) === 0 ? 'bad-length' : undefined;
    default:
      return 'bad-type';
  }
}

export class VirtioNetHeaderView {
  private view!: DataView;
  private at = 0;

  /** `length` is that of the header and the frame behind it. */
  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkVirtioNetHeader(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  get flags(): number {
    return this.view.getUint8(this.at + FLAGS);
  }
  get needsChecksum(): boolean {
    return (this.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
  }
  /** With the ECN bit. */
  get gsoType(): number {
    return this.view.getUint8(this.at + GSO_TYPE);
  }
  get isSuperFrame(): boolean {
    return this.gsoType !== VIRTIO_NET_HDR_GSO_NONE;
  }
  /** A hint that guests fill in loosely; the frame's own headers say where they end. */
  get hdrLen(): number {
    return this.view.getUint16(this.at + HDR_LEN, true);
  }
  /** Payload bytes per segment. */
  get gsoSize(): number {
    return this.view.getUint16(this.at + GSO_SIZE, true);
  }
  /** From the frame's first byte. */
  get csumStart(): number {
    return this.view.getUint16(this.at + CSUM_START, true);
  }
  /** From csumStart. */
  get csumOffset(): number {
    return this.view.getUint16(this.at + CSUM_OFFSET, true);
  }
}

export function writeVirtioNetHeader(
  view: DataView,
  at: number,
  flags: number,
  gsoType: number,
  hdrLen: number,
  gsoSize: number,
  csumStart: number,
  csumOffset: number,
): void {
  view.setUint8(at + FLAGS, flags);
  view.setUint8(at + GSO_TYPE, gsoType);
  view.setUint16(at + HDR_LEN, hdrLen, true);
  view.setUint16(at + GSO_SIZE, gsoSize, true);
  view.setUint16(at + CSUM_START, csumStart, true);
  view.setUint16(at + CSUM_OFFSET, csumOffset, true);
}

/** Whether the frame behind the header at `at` is still to be cut. */
export function isOffloadFrame(view: DataView, at: number): boolean {
  return view.getUint8(at + GSO_TYPE) !== VIRTIO_NET_HDR_GSO_NONE;
}

/** The native flow id of the frame behind the header at `at`, or 0. */
export function nativeFlowOf(view: DataView, at: number): number {
  const flags = view.getUint8(at + FLAGS) & (VIRTIO_NET_HDR_F_FLOW | VIRTIO_NET_HDR_F_NEEDS_CSUM);
  return flags === VIRTIO_NET_HDR_F_FLOW ? view.getUint32(at + CSUM_START, true) : 0;
}

/** Says whose frame it is in a header that is zero. */
export function writeNativeFlow(view: DataView, at: number, flow: number): void {
  view.setUint8(at + FLAGS, VIRTIO_NET_HDR_F_FLOW);
  view.setUint32(at + CSUM_START, flow, true);
}

/** Takes it off. */
export function clearNativeFlow(view: DataView, at: number): void {
  const flags = view.getUint8(at + FLAGS);
  if ((flags & VIRTIO_NET_HDR_F_FLOW) === 0) return;
  view.setUint8(at + FLAGS, flags & ~VIRTIO_NET_HDR_F_FLOW);
  if ((flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) === 0) view.setUint32(at + CSUM_START, 0);
}

export interface VirtioNetHeaderRepr {
  readonly flags: number;
  readonly gsoType: number;
  readonly hdrLen: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

/** `length` is that of the header and the frame behind it. */
export function parseVirtioNetHeader(
  bytes: Bytes,
  at: number,
  length: number,
): VirtioNetHeaderRepr | WireReject {
  const reject = checkVirtioNetHeader(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const header = new VirtioNetHeaderView();
  header.aim(bytes, at, length);
  const { flags, gsoType, hdrLen, gsoSize, csumStart, csumOffset } = header;
  return { flags, gsoType, hdrLen, gsoSize, csumStart, csumOffset };
}

export function emitVirtioNetHeader(repr: VirtioNetHeaderRepr, bytes: Bytes, at: number): number {
  const { flags, gsoType, hdrLen, gsoSize, csumStart, csumOffset } = repr;
  writeVirtioNetHeader(bytes.view, at, flags, gsoType, hdrLen, gsoSize, csumStart, csumOffset);
  return VIRTIO_NET_HEADER_BYTES;
}
