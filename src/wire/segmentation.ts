// What a network card would do to a tenant's frame, done by hand: completing a checksum, and cutting an offload frame
// (TSO for IPv4 and IPv6, UDP GSO) into frames that any peer takes. Towards a plain VXLAN peer, or with reordering
// off, frames leave this way; between two Selvage hosts they cross whole. Follows Linux's tcp_gso_segment,
// __udp_gso_segment and inet_gso_segment in what differs from segment to segment.
//
// All segments but the last have one size and lie one behind the other, each after `headroom` bytes left for the
// caller's outer header: just what UDP_SEGMENT wants.

import type { Bytes } from '../base/bytes.ts';
import { copyWithSum, finishSum, partialSum, pseudoHeaderSum4, pseudoHeaderSum6 } from './checksum.ts';
import { FrameView, NETWORK_IPV4, NETWORK_IPV6, NETWORK_OTHER } from './frame.ts';
import { IPV4_IDENTIFICATION, IPV4_TOTAL_LENGTH, refreshIpv4Checksum } from './ipv4.ts';
import { IPV6_HEADER_BYTES, IPV6_PAYLOAD_LENGTH } from './ipv6.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from './protocols.ts';
import type { WireReject } from './reject.ts';
import { TCP_CHECKSUM, TCP_CWR, TCP_FIN, TCP_FLAGS, TCP_PSH, TCP_SEQUENCE, TcpView } from './tcp.ts';
import { UDP_CHECKSUM, UDP_HEADER_BYTES, UDP_LENGTH } from './udp.ts';
import type { VirtioNetHeaderView } from './virtio-net-header.ts';
import {
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from './virtio-net-header.ts';

/** Zero in UDP means "no checksum", so a sum that comes out as zero is sent as its other form (RFC 768). */
function storeChecksum(view: DataView, at: number, sum: number): void {
  view.setUint16(at, finishSum(sum) || 0xffff);
}

/**
 * Completes, in place, the checksum that VIRTIO_NET_HDR_F_NEEDS_CSUM asks for. The field holds the pseudo header's
 * sum, so summing from csumStart to the end over that field includes it.
 */
export function completeChecksum(
  bytes: Bytes,
  at: number,
  length: number,
  csumStart: number,
  csumOffset: number,
): WireReject | undefined {
  if (csumStart + csumOffset + 2 > length) return 'bad-length';
  const from = at + csumStart;
  storeChecksum(bytes.view, from + csumOffset, partialSum(bytes, from, length - csumStart));
  return undefined;
}

/** Plans the cutting of one frame, then writes it. Reusable; holds no bytes between frames. */
export class Segmenter {
  private readonly frame = new FrameView();
  private readonly tcp = new TcpView();
  private source!: Bytes;
  private at = 0;
  private length = 0;
  private headerLength = 0;
  private gsoSize = 0;
  private header!: VirtioNetHeaderView;

  /** After `plan`: how many frames there will be; 1 for one that needs no cutting. */
  count = 0;
  /** Length of each of them but the last. */
  segmentBytes = 0;
  lastSegmentBytes = 0;

  /** Takes a frame without its virtio_net_hdr, and the header. The bytes must stay until `write`. */
  plan(bytes: Bytes, at: number, length: number, header: VirtioNetHeaderView): WireReject | undefined {
    this.source = bytes;
    this.at = at;
    this.length = length;
    this.header = header;
    if (!header.isSuperFrame) {
      this.count = 1;
      this.segmentBytes = length;
      this.lastSegmentBytes = length;
      const misplaced = header.needsChecksum && header.csumStart + header.csumOffset + 2 > length;
      return misplaced ? 'bad-length' : undefined;
    }
    const reject = this.findHeaders();
    if (reject !== undefined) return reject;
    const payloadLength = length - this.headerLength;
    if (payloadLength <= 0) return 'bad-length';
    this.gsoSize = header.gsoSize;
    this.count = Math.ceil(payloadLength / this.gsoSize);
    this.segmentBytes = this.headerLength + Math.min(this.gsoSize, payloadLength);
    this.lastSegmentBytes = length - (this.count - 1) * this.gsoSize;
    return undefined;
  }

  /** Checks that the frame is what its gso_type says, and finds where its headers end. */
  private findHeaders(): WireReject | undefined {
    const frame = this.frame;
    if (!frame.aim(this.source, this.at, this.length)) return 'bad-length';
    if (frame.network === NETWORK_OTHER) return 'bad-type';
    if (frame.isFragment) return 'bad-field';
    if (frame.transportAt + frame.transportLength !== this.at + this.length) return 'bad-length';
    switch (this.header.gsoType & ~VIRTIO_NET_HDR_GSO_ECN) {
      case VIRTIO_NET_HDR_GSO_TCPV4:
        return frame.network === NETWORK_IPV4 ? this.findTcp() : 'bad-type';
      case VIRTIO_NET_HDR_GSO_TCPV6:
        return frame.network === NETWORK_IPV6 ? this.findTcp() : 'bad-type';
      case VIRTIO_NET_HDR_GSO_UDP_L4:
        if (frame.protocol !== PROTOCOL_UDP) return 'bad-type';
        this.headerLength = frame.transportAt - this.at + UDP_HEADER_BYTES;
        return undefined;
      default:
        return 'bad-type';
    }
  }

  private findTcp(): WireReject | undefined {
    const { protocol, transportAt, transportLength } = this.frame;
    if (protocol !== PROTOCOL_TCP) return 'bad-type';
    if (!this.tcp.aim(this.source, transportAt, transportLength)) return 'bad-length';
    this.headerLength = this.tcp.payloadAt - this.at;
    return undefined;
  }

  /** Room that `write` needs. A small gso_size makes it many times the frame's own length. */
  totalBytes(headroom: number): number {
    return this.count * headroom + (this.count - 1) * this.segmentBytes + this.lastSegmentBytes;
  }

  /**
   * Writes the planned frames, the first one `headroom` bytes behind `outAt`, the next `headroom + segmentBytes`
   * further on; returns how many. `room` bytes may be written from `outAt` on, and must not overlap the source.
   */
  write(out: Bytes, outAt: number, room: number, headroom: number): number | 'no-room' {
    if (this.totalBytes(headroom) > room) return 'no-room';
    if (!this.header.isSuperFrame) {
      this.copyWhole(out, outAt + headroom);
      return 1;
    }
    for (let i = 0; i < this.count; i++) {
      this.writeSegment(i, out, outAt + headroom + i * (headroom + this.segmentBytes));
    }
    return this.count;
  }

  private copyWhole(out: Bytes, to: number): void {
    const { source, at, length, header } = this;
    if (!header.needsChecksum) {
      copyWithSum(source, at, out, to, length);
      return;
    }
    const { csumStart, csumOffset } = header;
    copyWithSum(source, at, out, to, csumStart);
    const sum = copyWithSum(source, at + csumStart, out, to + csumStart, length - csumStart);
    storeChecksum(out.view, to + csumStart + csumOffset, sum);
  }

  private writeSegment(index: number, out: Bytes, to: number): void {
    const { source, at, headerLength, gsoSize, frame } = this;
    const isLast = index === this.count - 1;
    const segmentLength = isLast ? this.lastSegmentBytes : this.segmentBytes;
    copyWithSum(source, at, out, to, headerLength);
    const payloadAt = at + headerLength + index * gsoSize;
    const payloadLength = segmentLength - headerLength;
    const payloadSum = copyWithSum(source, payloadAt, out, to + headerLength, payloadLength);

    const transportTo = to + (frame.transportAt - at);
    const transportLength = segmentLength - (frame.transportAt - at);
    const pseudoSum = this.writeNetwork(index, out, to + (frame.networkAt - at), segmentLength);
    if (frame.protocol === PROTOCOL_TCP) {
      this.writeTcp(index, isLast, out.view, transportTo);
    } else {
      out.view.setUint16(transportTo + UDP_LENGTH, transportLength);
    }
    const checksumAt = transportTo + (frame.protocol === PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
    out.view.setUint16(checksumAt, 0);
    const headersSum = partialSum(out, transportTo, transportLength - payloadLength, pseudoSum);
    storeChecksum(out.view, checksumAt, headersSum + payloadSum);
  }

  /** Lengths, identification and header checksum of one segment; returns the sum of its pseudo header. */
  private writeNetwork(index: number, out: Bytes, networkTo: number, segmentLength: number): number {
    const { frame, at } = this;
    const networkLength = segmentLength - (frame.networkAt - at);
    const transportLength = segmentLength - (frame.transportAt - at);
    const view = out.view;
    if (frame.network === NETWORK_IPV6) {
      view.setUint16(networkTo + IPV6_PAYLOAD_LENGTH, networkLength - IPV6_HEADER_BYTES);
      return pseudoHeaderSum6(this.source, frame.ipv6.addressesAt, frame.protocol, transportLength);
    }
    view.setUint16(networkTo + IPV4_TOTAL_LENGTH, networkLength);
    // Each segment is a packet of its own and may be fragmented on its way, so identifications must differ.
    view.setUint16(networkTo + IPV4_IDENTIFICATION, frame.ipv4.identification + index);
    refreshIpv4Checksum(out, networkTo, frame.ipv4.headerLength);
    return pseudoHeaderSum4(frame.ipv4.source, frame.ipv4.destination, frame.protocol, transportLength);
  }

  private writeTcp(index: number, isLast: boolean, view: DataView, transportTo: number): void {
    view.setUint32(transportTo + TCP_SEQUENCE, this.tcp.sequence + index * this.gsoSize);
    let flags = this.tcp.flags;
    if (!isLast) flags &= ~(TCP_FIN | TCP_PSH);
    // A congestion window is reduced once, not once per segment (RFC 3168 §6.1.2).
    if (index > 0) flags &= ~TCP_CWR;
    view.setUint8(transportTo + TCP_FLAGS, flags);
  }
}
