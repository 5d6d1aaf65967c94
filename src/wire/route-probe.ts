// What is sent to find a route hop by hop: a VXLAN packet (RFC 7348) of VNI 0, which no network has, so that whoever
// receives it after all, a kernel's VXLAN device too, drops it. It is sent from a slot's source port to the overlay's,
// as data would be, with a small TTL; its length says which, since of what it was, the router where the TTL ends
// sends back no more for certain than the IP header and eight bytes (RFC 792, RFC 4443 §3.3).

import type { Bytes } from '../base/bytes.ts';
import { type HostAddress, readIpv6 } from './address.ts';
import { ICMP_HEADER_BYTES, IcmpView } from './icmp.ts';
import { IPV4_MIN_HEADER_BYTES, Ipv4View } from './ipv4.ts';
import { IPV6_HEADER_BYTES } from './ipv6.ts';
import { PROTOCOL_UDP } from './protocols.ts';
import { UDP_HEADER_BYTES, UDP_LENGTH } from './udp.ts';
import { VXLAN_HEADER_BYTES, writeVxlanHeader } from './vxlan.ts';

export const ROUTE_PROBE_VNI = 0;
/**
 * In front of a probe beside a kernel's VXLAN device: ZooRoute's magic and a type that nobody uses. The kernel's device
 * drops it whatever its VNIs, and neither rerouting nor a switch takes it for a tenant's.
 */
const FOREIGN_WORD = 0xffee_dd00;
const ICMP_TIME_EXCEEDED = 11;
const ICMPV6_TIME_EXCEEDED = 3;
/** TTLs that a probe can say. */
const MAX_PROBE_TTL = 64;

const IPV4_PROTOCOL = 9;
const IPV4_SOURCE = 12;
const IPV4_DESTINATION = 16;
const IPV6_NEXT_HEADER = 6;
const IPV6_SOURCE = 8;
const IPV6_DESTINATION = 24;

/** Writes a probe's UDP payload; its length. What is behind the header is whatever is there. */
export function writeRouteProbe(view: DataView, at: number, ttl: number): number {
  writeVxlanHeader(view, at, ROUTE_PROBE_VNI);
  return VXLAN_HEADER_BYTES + ttl;
}

/** The same for an overlay that is not ours. */
export function writeForeignProbe(view: DataView, at: number, ttl: number): number {
  view.setUint32(at, FOREIGN_WORD);
  view.setUint32(at + 4, 0);
  return VXLAN_HEADER_BYTES + ttl;
}

/** What a router's answer says of the probe. */
export interface ReturnedProbe {
  readonly source: HostAddress;
  readonly destination: HostAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly ttl: number;
}

/** Reads an IPv4 packet of ICMP; undefined when it does not answer a probe. */
export function readTimeExceeded(bytes: Bytes, at: number, length: number): ReturnedProbe | undefined {
  const ip = new Ipv4View();
  const icmp = new IcmpView();
  if (!ip.aim(bytes, at, length)) return undefined;
  const icmpAt = at + ip.headerLength;
  const end = at + ip.totalLength;
  if (!icmp.aim(bytes, icmpAt, end - icmpAt) || icmp.type !== ICMP_TIME_EXCEEDED || icmp.code !== 0)
    return undefined;
  if (!icmp.isChecksumRight) return undefined;
  return readReturned4(bytes.view, icmpAt + ICMP_HEADER_BYTES, end);
}

/** Reads an ICMPv6 message, whose checksum the system has looked at; undefined when it does not answer a probe. */
export function readTimeExceeded6(bytes: Bytes, at: number, length: number): ReturnedProbe | undefined {
  const { view } = bytes;
  if (length < ICMP_HEADER_BYTES + IPV6_HEADER_BYTES + UDP_HEADER_BYTES) return undefined;
  if (view.getUint8(at) !== ICMPV6_TIME_EXCEEDED || view.getUint8(at + 1) !== 0) return undefined;
  const ip = at + ICMP_HEADER_BYTES;
  // We send no extension headers, and who gets them in returns them.
  if (view.getUint8(ip) >> 4 !== 6 || view.getUint8(ip + IPV6_NEXT_HEADER) !== PROTOCOL_UDP) return undefined;
  const source = readIpv6(view, ip + IPV6_SOURCE);
  return readUdp(view, ip + IPV6_HEADER_BYTES, source, readIpv6(view, ip + IPV6_DESTINATION));
}

/** The head of the packet that was dropped: routers return no more of it than they like, so no view of a whole one fits. */
function readReturned4(view: DataView, at: number, end: number): ReturnedProbe | undefined {
  if (at + IPV4_MIN_HEADER_BYTES + UDP_HEADER_BYTES > end || view.getUint8(at) >> 4 !== 4) return undefined;
  const headerLength = (view.getUint8(at) & 15) * 4;
  if (headerLength < IPV4_MIN_HEADER_BYTES || at + headerLength + UDP_HEADER_BYTES > end) return undefined;
  if (view.getUint8(at + IPV4_PROTOCOL) !== PROTOCOL_UDP) return undefined;
  const source = view.getUint32(at + IPV4_SOURCE);
  return readUdp(view, at + headerLength, source, view.getUint32(at + IPV4_DESTINATION));
}

function readUdp(
  view: DataView,
  at: number,
  source: HostAddress,
  destination: HostAddress,
): ReturnedProbe | undefined {
  const ttl = view.getUint16(at + UDP_LENGTH) - UDP_HEADER_BYTES - VXLAN_HEADER_BYTES;
  if (ttl < 1 || ttl > MAX_PROBE_TTL) return undefined;
  return {
    source,
    destination,
    sourcePort: view.getUint16(at),
    destinationPort: view.getUint16(at + 2),
    ttl,
  };
}
