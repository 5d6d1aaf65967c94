// A tenant's frame in one line for people, in the manner of tcpdump: who to whom, and what.

import type { Bytes } from '../base/bytes.ts';
import { formatIpv4, formatIpv6, formatMac, readIpv6 } from '../wire/address.ts';
import { ARP_REQUEST, ArpView } from '../wire/arp.ts';
import { ETHERTYPE_ARP } from '../wire/ethernet.ts';
import { FrameView, NETWORK_IPV4, NETWORK_OTHER } from '../wire/frame.ts';
import { ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST, IcmpView } from '../wire/icmp.ts';
import {
  ICMPV6_NEIGHBOR_ADVERTISEMENT,
  ICMPV6_NEIGHBOR_SOLICITATION,
  icmpv6Type,
  NeighborView,
} from '../wire/icmpv6.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.ts';
import {
  TCP_ACK,
  TCP_CWR,
  TCP_ECE,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
  TcpView,
} from '../wire/tcp.ts';
import { UdpView } from '../wire/udp.ts';
import { VIRTIO_NET_HEADER_BYTES, VirtioNetHeaderView } from '../wire/virtio-net-header.ts';

/** In tcpdump's order and letters. */
const TCP_FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [TCP_FIN, 'F'],
  [TCP_SYN, 'S'],
  [TCP_RST, 'R'],
  [TCP_PSH, 'P'],
  [TCP_ACK, '.'],
  [TCP_URG, 'U'],
  [TCP_ECE, 'E'],
  [TCP_CWR, 'W'],
];

const frame = new FrameView();
const arp = new ArpView();
const icmp = new IcmpView();
const neighbor = new NeighborView();
const tcp = new TcpView();
const udp = new UdpView();
const virtio = new VirtioNetHeaderView();

/** A frame behind its virtio_net_hdr, which says how it is to be segmented. */
export function describeVirtioFrame(bytes: Bytes, at: number, length: number): string {
  if (!virtio.aim(bytes, at, length)) return `bad virtio_net_hdr, ${length} bytes`;
  const segmentation = virtio.isSuperFrame ? `, to be cut into ${virtio.gsoSize} bytes each` : '';
  const text = describeFrame(bytes, at + VIRTIO_NET_HEADER_BYTES, length - VIRTIO_NET_HEADER_BYTES);
  return `${text}${segmentation}`;
}

export function describeFrame(bytes: Bytes, at: number, length: number): string {
  if (!frame.aim(bytes, at, length)) return `malformed frame, ${length} bytes`;
  const { ethernet } = frame;
  const tag = ethernet.isTagged ? ` vlan ${ethernet.vlanTci & 0xfff}` : '';
  const macs = `${formatMac(ethernet.source)} > ${formatMac(ethernet.destination)}${tag}`;
  return `${macs}, ${describeNetwork(bytes)}, ${length} bytes`;
}

function describeNetwork(bytes: Bytes): string {
  if (frame.network === NETWORK_OTHER) {
    const { etherType, payloadLength } = frame.ethernet;
    if (etherType === ETHERTYPE_ARP) return describeArp(bytes, payloadLength);
    return `EtherType 0x${etherType.toString(16).padStart(4, '0')}`;
  }
  const [source, destination] = addresses(bytes);
  const { protocol, transportAt, transportLength } = frame;
  if (frame.isFragment) return `${source} > ${destination} fragment of protocol ${protocol}`;
  if (protocol === PROTOCOL_TCP && tcp.aim(bytes, transportAt, transportLength)) {
    const data = transportLength - tcp.headerLength;
    const numbers = `seq ${tcp.sequence} ack ${tcp.acknowledgment} data ${data}`;
    return `${source}:${tcp.sourcePort} > ${destination}:${tcp.destinationPort} TCP [${tcpFlags()}] ${numbers}`;
  }
  if (protocol === PROTOCOL_UDP && udp.aim(bytes, transportAt, transportLength)) {
    return `${source}:${udp.sourcePort} > ${destination}:${udp.destinationPort} UDP data ${udp.payloadLength}`;
  }
  return `${source} > ${destination} ${describeOther(bytes)}`;
}

function addresses({ view }: Bytes): [source: string, destination: string] {
  if (frame.network === NETWORK_IPV4) {
    return [formatIpv4(frame.ipv4.source), formatIpv4(frame.ipv4.destination)];
  }
  const { sourceAt, destinationAt } = frame.ipv6;
  return [`[${formatIpv6(readIpv6(view, sourceAt))}]`, `[${formatIpv6(readIpv6(view, destinationAt))}]`];
}

function describeArp(bytes: Bytes, length: number): string {
  if (!arp.aim(bytes, frame.networkAt, length)) return 'malformed ARP';
  return arp.operation === ARP_REQUEST
    ? `ARP who has ${formatIpv4(arp.targetIp)}, tell ${formatIpv4(arp.senderIp)}`
    : `ARP ${formatIpv4(arp.senderIp)} is at ${formatMac(arp.senderMac)}`;
}

function describeOther(bytes: Bytes): string {
  const { protocol, transportAt, transportLength } = frame;
  if (protocol === PROTOCOL_ICMP && icmp.aim(bytes, transportAt, transportLength)) {
    const { type, identifier, sequence } = icmp;
    if (type === ICMP_ECHO_REQUEST) return `ICMP echo request ${identifier} seq ${sequence}`;
    if (type === ICMP_ECHO_REPLY) return `ICMP echo reply ${identifier} seq ${sequence}`;
    return `ICMP type ${type} code ${icmp.code}`;
  }
  if (protocol === PROTOCOL_ICMPV6) return describeIcmpv6(bytes, transportAt, transportLength);
  return `protocol ${protocol}`;
}

function describeIcmpv6(bytes: Bytes, at: number, length: number): string {
  const type = icmpv6Type(bytes.view, at, length);
  if (!neighbor.aim(bytes, at, length)) return `ICMPv6 type ${type}`;
  const target = formatIpv6(readIpv6(bytes.view, neighbor.targetAt));
  if (type === ICMPV6_NEIGHBOR_SOLICITATION) return `ICMPv6 who has ${target}`;
  const owner = neighbor.hasLinkLayer ? ` is at ${formatMac(neighbor.linkLayer)}` : '';
  return type === ICMPV6_NEIGHBOR_ADVERTISEMENT ? `ICMPv6 ${target}${owner}` : `ICMPv6 type ${type}`;
}

function tcpFlags(): string {
  const { flags } = tcp;
  return TCP_FLAG_LETTERS.map(([bit, letter]) => ((flags & bit) === 0 ? '' : letter)).join('');
}
