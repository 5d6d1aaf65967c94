// A guest's TCP segments as real frames: virtio_net_hdr, Ethernet, IPv4, TCP with timestamps (RFC 7323), and right
// checksums, so that the switch treats them as any tenant's. What a stream carries follows from the offset, so a
// receiver knows that every byte is the one that was sent.

import { allocateBytes, type Bytes, bytesOf } from '../../src/base/bytes.ts';
import { SeededRng } from '../../src/base/rng.ts';
import type { Ipv4Address, Mac } from '../../src/wire/address.ts';
import { finishSum, foldSum, partialSum, pseudoHeaderSum4 } from '../../src/wire/checksum.ts';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, emitEthernet } from '../../src/wire/ethernet.ts';
import { FrameView, NETWORK_IPV4 } from '../../src/wire/frame.ts';
import { emitIpv4Header, IPV4_MIN_HEADER_BYTES } from '../../src/wire/ipv4.ts';
import { PROTOCOL_TCP } from '../../src/wire/protocols.ts';
import {
  emitTcp,
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_MIN_HEADER_BYTES,
  TCP_PSH,
  TCP_SYN,
  TcpView,
} from '../../src/wire/tcp.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../../src/wire/virtio-net-header.ts';

export const SYN = TCP_SYN;
export const ACK = TCP_ACK;
export const PUSH = TCP_PSH;
/** Timestamps, and two octets of padding. */
export const OPTION_BYTES = 12;
/** What a packet holds besides its data. */
export const SEGMENT_OVERHEAD_BYTES = IPV4_MIN_HEADER_BYTES + TCP_MIN_HEADER_BYTES + OPTION_BYTES;
/** Windows are told in units of 128 bytes, but for those of SYNs, as window scale options say. */
export const WINDOW_SCALE = 7;

export interface Endpoint {
  readonly mac: Mac;
  readonly address: Ipv4Address;
  readonly port: number;
}

export interface Segment {
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly window: number;
  readonly stamp: number;
  readonly echo: number;
  /** Of the sender's stream. */
  readonly payloadOffset: number;
  readonly payloadLength: number;
}

const PATTERN_STEPS = 4093;
const pattern = allocateBytes(PATTERN_STEPS + 0x1_0000);
const patternRng = new SeededRng(0x7c9);
for (let i = 0; i < pattern.u8.length; i++) pattern.u8[i] = patternRng.u32();

/** NOP, NOP, timestamps; in a SYN the segment size and the window scale follow. */
const options = bytesOf(new Uint8Array([1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0]));
const synOptions = bytesOf(
  new Uint8Array([1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 1, 3, 3, WINDOW_SCALE]),
);

/** A new frame; `mss` is told in SYNs. */
export function encodeSegment(from: Endpoint, to: Endpoint, segment: Segment, mss: number): Uint8Array {
  const { flags, sequence, acknowledgment, window, payloadLength } = segment;
  const chosen = (flags & SYN) === 0 ? options : synOptions;
  const transportLength = TCP_MIN_HEADER_BYTES + chosen.u8.length + payloadLength;
  const networkAt = VIRTIO_NET_HEADER_BYTES + ETHERNET_HEADER_BYTES;
  const transportAt = networkAt + IPV4_MIN_HEADER_BYTES;
  const bytes = allocateBytes(transportAt + transportLength);
  const ethernet = { destination: to.mac, source: from.mac, etherType: ETHERTYPE_IPV4 };
  emitEthernet(ethernet, bytes, VIRTIO_NET_HEADER_BYTES);
  emitIpv4Header(ipv4Header(from, to, transportLength), bytes, networkAt);
  chosen.view.setUint32(4, segment.stamp);
  chosen.view.setUint32(8, segment.echo);
  if (chosen === synOptions) chosen.view.setUint16(14, mss);
  const tcp = {
    sourcePort: from.port,
    destinationPort: to.port,
    sequence,
    acknowledgment,
    flags,
    window,
    checksum: 0,
    urgentPointer: 0,
    options: chosen.u8,
  };
  const payloadAt = transportAt + emitTcp(tcp, bytes, transportAt);
  const start = patternStart(from, segment.payloadOffset);
  bytes.u8.set(pattern.u8.subarray(start, start + payloadLength), payloadAt);
  const pseudo = pseudoHeaderSum4(from.address, to.address, PROTOCOL_TCP, transportLength);
  const sum = finishSum(partialSum(bytes, transportAt, transportLength, pseudo));
  bytes.view.setUint16(transportAt + TCP_CHECKSUM, sum);
  return bytes.u8;
}

function ipv4Header(from: Endpoint, to: Endpoint, payloadLength: number) {
  return {
    tos: 0,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: PROTOCOL_TCP,
    source: from.address,
    destination: to.address,
    options: NO_OPTIONS,
    payloadLength,
  };
}

const NO_OPTIONS = new Uint8Array(0);

function patternStart(sender: Pick<Endpoint, 'address' | 'port'>, offset: number): number {
  return (offset + sender.address * 7 + sender.port) % PATTERN_STEPS;
}

/** Looks at the segments that frames carry. */
export class SegmentReader {
  readonly frame = new FrameView();
  readonly tcp = new TcpView();
  payloadLength = 0;
  stamp = 0;
  echo = 0;
  private bytes!: Bytes;

  /** False for what is no TCP segment over IPv4 with timestamps and right checksums. */
  aim(received: Uint8Array): boolean {
    const { frame, tcp } = this;
    const bytes = bytesOf(received);
    const frameLength = received.length - VIRTIO_NET_HEADER_BYTES;
    if (!frame.aim(bytes, VIRTIO_NET_HEADER_BYTES, frameLength)) return false;
    if (frame.network !== NETWORK_IPV4 || frame.protocol !== PROTOCOL_TCP) return false;
    const { ipv4, transportAt, transportLength } = frame;
    if (!ipv4.isChecksumRight || !tcp.aim(bytes, transportAt, transportLength)) return false;
    const pseudo = pseudoHeaderSum4(ipv4.source, ipv4.destination, PROTOCOL_TCP, transportLength);
    if (foldSum(partialSum(bytes, transportAt, transportLength, pseudo)) !== 0xffff) return false;
    if (tcp.payloadAt - tcp.optionsAt < OPTION_BYTES) return false;
    this.stamp = bytes.view.getUint32(tcp.optionsAt + 4);
    this.echo = bytes.view.getUint32(tcp.optionsAt + 8);
    this.payloadLength = transportAt + transportLength - tcp.payloadAt;
    this.bytes = bytes;
    return true;
  }

  /** Whether the payload is what the sender's stream holds at this offset. */
  isPayloadRight(offset: number): boolean {
    const { bytes, payloadLength } = this;
    const { payloadAt, sourcePort } = this.tcp;
    const start = patternStart({ address: this.frame.ipv4.source, port: sourcePort }, offset);
    for (let i = 0; i < payloadLength; i++) {
      if (bytes.u8[payloadAt + i] !== pattern.u8[start + i]) return false;
    }
    return true;
  }
}
