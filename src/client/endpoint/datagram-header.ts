// The headers of a flow's datagrams, made once and patched for each: virtio_net_hdr (empty), Ethernet, IPv4 or IPv6, UDP. Sums
// are of words in the processor's order: the internet checksum comes out with its bytes exchanged, and is stored as it is
// (RFC 1071 §2B). Packets are never fragmented, so an IPv4 packet needs no number of its own (RFC 6864 §4.1).

import { type Bytes, bytesOf } from '../../base/bytes.ts';
import { FRAME_AT } from '../../runtime/vnic/layout.ts';
import type { HostAddress, Ipv4Address, Ipv6Address, Mac } from '../../wire/address.ts';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, ETHERTYPE_IPV6, emitEthernet } from '../../wire/ethernet.ts';
import {
  emitIpv4Header,
  IPV4_MIN_HEADER_BYTES,
  IPV4_TOTAL_LENGTH,
  refreshIpv4Checksum,
} from '../../wire/ipv4.ts';
import { emitIpv6Header, IPV6_HEADER_BYTES, IPV6_PAYLOAD_LENGTH } from '../../wire/ipv6.ts';
import { PROTOCOL_UDP } from '../../wire/protocols.ts';
import { emitUdp, UDP_HEADER_BYTES, UDP_LENGTH } from '../../wire/udp.ts';

const IP_AT = FRAME_AT + ETHERNET_HEADER_BYTES;
/** Behind the longest headers. */
export const PAYLOAD_AT = IP_AT + IPV6_HEADER_BYTES + UDP_HEADER_BYTES;
const UDP_CHECKSUM = 6;
const HOPS = 64;

export interface Ends {
  readonly sourceMac: Mac;
  readonly destinationMac: Mac;
  readonly source: HostAddress;
  readonly destination: HostAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export class DatagramHeader {
  /** All of it, of which `bytes` count. */
  readonly words: Uint32Array;
  readonly bytes: number;
  /** Where the UDP checksum is to be stored. */
  readonly checksumAt: number;
  /** Of what the UDP checksum covers besides the payload. */
  sum = 0;
  private readonly headers: Bytes;
  private readonly isIpv4: boolean;
  private readonly udpAt: number;
  /** Of the addresses, ports and protocol. */
  private readonly constantSum: number;
  private length = 0;

  constructor(ends: Ends) {
    this.isIpv4 = typeof ends.source === 'number';
    this.udpAt = IP_AT + (this.isIpv4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES);
    this.bytes = this.udpAt + UDP_HEADER_BYTES;
    this.checksumAt = this.udpAt + UDP_CHECKSUM;
    this.words = new Uint32Array(this.bytes / 4);
    this.headers = bytesOf(new Uint8Array(this.words.buffer));
    emitHeaders(ends, this.headers, this.udpAt);
    const addressesAt = this.udpAt - (this.isIpv4 ? 8 : 32);
    const words = sumWords(this.words, addressesAt / 4, (this.udpAt + 4 - addressesAt) / 4);
    this.constantSum = words + swapped(PROTOCOL_UDP);
    this.setLength(0);
  }

  /** For a payload of so many bytes. */
  setLength(payloadLength: number): void {
    this.length = payloadLength;
    const { view } = this.headers;
    const udpLength = UDP_HEADER_BYTES + payloadLength;
    if (this.isIpv4) {
      view.setUint16(IP_AT + IPV4_TOTAL_LENGTH, IPV4_MIN_HEADER_BYTES + udpLength);
      refreshIpv4Checksum(this.headers, IP_AT, IPV4_MIN_HEADER_BYTES);
    } else view.setUint16(IP_AT + IPV6_PAYLOAD_LENGTH, udpLength);
    view.setUint16(this.udpAt + UDP_LENGTH, udpLength);
    // Once in the pseudo header and once in the header.
    this.sum = this.constantSum + 2 * swapped(udpLength);
  }

  get payloadLength(): number {
    return this.length;
  }
}

function emitHeaders(ends: Ends, bytes: Bytes, udpAt: number): void {
  const { sourceMac, destinationMac, source, destination, sourcePort, destinationPort } = ends;
  const etherType = typeof source === 'number' ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  emitEthernet({ source: sourceMac, destination: destinationMac, etherType }, bytes, FRAME_AT);
  if (typeof source === 'number') {
    const whole = { identification: 0, dontFragment: true, moreFragments: false, fragmentOffset: 0 };
    const own = { tos: 0, ttl: HOPS, protocol: PROTOCOL_UDP, options: new Uint8Array(0), payloadLength: 0 };
    emitIpv4Header({ ...whole, ...own, source, destination: destination as Ipv4Address }, bytes, IP_AT);
  } else {
    const own = { trafficClass: 0, flowLabel: 0, nextHeader: PROTOCOL_UDP, hopLimit: HOPS, payloadLength: 0 };
    emitIpv6Header({ ...own, source, destination: destination as Ipv6Address }, bytes, IP_AT);
  }
  emitUdp({ sourcePort, destinationPort, payloadLength: 0, checksum: 0 }, bytes, udpAt);
}

/** Of whole words; not folded: so many words that it matters there are not in a packet. */
export function sumWords(words: Uint32Array, from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) {
    const word = words[i]!;
    sum += (word & 0xffff) + (word >>> 16);
  }
  return sum;
}

export function fold(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/** The checksum that a sum asks for; none would be 0 (RFC 768). */
export function checksumOf(sum: number): number {
  return ~fold(sum) & 0xffff || 0xffff;
}

function swapped(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
