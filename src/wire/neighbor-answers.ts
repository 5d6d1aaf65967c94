// The answers that a switch gives in its tenants' stead: an ARP reply to a request, a neighbour advertisement to a
// solicitation (RFC 4861 §7.2.4), so that neither ever crosses the network. Each takes the asking frame whole,
// checks all of it, and writes the answering frame with the asking one's VLAN tag. Whether there is such a neighbour
// is for the caller to know: it reads the question with ArpView or NeighborView.

import type { Bytes } from '../base/bytes.ts';
import type { Ipv6Address, Mac } from './address.ts';
import { IPV6_UNSPECIFIED, isIpv6At, readIpv6 } from './address.ts';
import { ARP_REPLY, ARP_REQUEST, ArpView, emitArp } from './arp.ts';
import type { EthernetView } from './ethernet.ts';
import { ETHERTYPE_ARP, emitEthernet } from './ethernet.ts';
import { FrameView, NETWORK_IPV6 } from './frame.ts';
import {
  completeIcmpv6Checksum,
  emitNeighbor,
  isIcmpv6ChecksumRight,
  ND_LINK_LAYER_OPTION_BYTES,
  ND_MESSAGE_BYTES,
  NeighborView,
} from './icmpv6.ts';
import { emitIpv6Header, IPV6_ADDRESSES } from './ipv6.ts';
import { PROTOCOL_ICMPV6 } from './protocols.ts';
import type { WireReject } from './reject.ts';

/** Room for the longest answer: Ethernet with a tag, IPv6, advertisement and option. */
export const MAX_ANSWER_BYTES = 18 + 40 + ND_MESSAGE_BYTES + ND_LINK_LAYER_OPTION_BYTES;

const ALL_NODES: Ipv6Address = [0xff020000, 0, 0, 1];
const ALL_NODES_MAC: Mac = 0x3333_0000_0001;
/** Neighbour discovery never passes a router: what did has a lower hop limit (RFC 4861 §3.1). */
const ND_HOP_LIMIT = 255;

function emitAnswerEthernet(
  asking: EthernetView,
  destination: Mac,
  source: Mac,
  out: Bytes,
  outAt: number,
): number {
  const etherType = asking.etherType;
  const tag = asking.isTagged ? { vlanTci: asking.vlanTci } : {};
  return emitEthernet({ destination, source, etherType, ...tag }, out, outAt);
}

/** Answers the ARP request in the frame at `at` with `mac`. Returns the length of the answer. */
export function answerArpRequest(
  bytes: Bytes,
  at: number,
  length: number,
  mac: Mac,
  out: Bytes,
  outAt: number,
): number | WireReject {
  const frame = new FrameView();
  const request = new ArpView();
  if (!frame.aim(bytes, at, length)) return 'too-short';
  if (frame.ethernet.etherType !== ETHERTYPE_ARP) return 'bad-type';
  if (!request.aim(bytes, frame.networkAt, frame.ethernet.payloadLength)) return 'bad-field';
  if (request.operation !== ARP_REQUEST) return 'bad-type';
  const headerLength = emitAnswerEthernet(frame.ethernet, request.senderMac, mac, out, outAt);
  const reply = {
    operation: ARP_REPLY,
    senderMac: mac,
    senderIp: request.targetIp,
    targetMac: request.senderMac,
    targetIp: request.senderIp,
  } as const;
  return headerLength + emitArp(reply, out, outAt + headerLength);
}

/** ff02::1:ff00:0/104 (RFC 4291 §2.7.1). */
function isSolicitedNode(view: DataView, at: number): boolean {
  return (
    view.getUint32(at) === 0xff020000 &&
    view.getUint32(at + 4) === 0 &&
    view.getUint32(at + 8) === 1 &&
    view.getUint8(at + 12) === 0xff
  );
}

/** The checks of RFC 4861 §7.1.1 on a solicitation, wherever the frame's views stand. */
function checkSolicitation(frame: FrameView, message: NeighborView, bytes: Bytes): WireReject | undefined {
  if (frame.network !== NETWORK_IPV6 || frame.protocol !== PROTOCOL_ICMPV6) return 'bad-type';
  const { transportAt, transportLength } = frame;
  const reject = message.reject(bytes, transportAt, transportLength);
  if (reject !== undefined) return reject;
  if (!message.isSolicitation) return 'bad-type';
  if (frame.isFragment || frame.ipv6.hopLimit !== ND_HOP_LIMIT) return 'bad-field';
  const isDuplicateCheck = isIpv6At(bytes.view, frame.ipv6.sourceAt, IPV6_UNSPECIFIED);
  if (isDuplicateCheck && (message.hasLinkLayer || !isSolicitedNode(bytes.view, frame.ipv6.destinationAt))) {
    return 'bad-field';
  }
  return isIcmpv6ChecksumRight(bytes, frame.ipv6.addressesAt, transportAt, transportLength)
    ? undefined
    : 'bad-checksum';
}

/**
 * Answers the neighbour solicitation in the frame at `at` with `mac`, solicited and overriding. A solicitation from
 * the unspecified address asks whether its target is taken, and gets an unsolicited answer to all nodes, as its
 * sender has no address yet. Returns the length of the answer.
 */
export function answerNeighborSolicitation(
  bytes: Bytes,
  at: number,
  length: number,
  mac: Mac,
  out: Bytes,
  outAt: number,
): number | WireReject {
  const frame = new FrameView();
  const question = new NeighborView();
  if (!frame.aim(bytes, at, length)) return 'too-short';
  const reject = checkSolicitation(frame, question, bytes);
  if (reject !== undefined) return reject;
  const asker = readIpv6(bytes.view, frame.ipv6.sourceAt);
  const isSolicited = !isIpv6At(bytes.view, frame.ipv6.sourceAt, IPV6_UNSPECIFIED);
  const target = readIpv6(bytes.view, question.targetAt);

  const askerMac = isSolicited ? frame.ethernet.source : ALL_NODES_MAC;
  const headerLength = emitAnswerEthernet(frame.ethernet, askerMac, mac, out, outAt);
  const ipAt = outAt + headerLength;
  const ip = {
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: PROTOCOL_ICMPV6,
    hopLimit: ND_HOP_LIMIT,
    source: target,
    destination: isSolicited ? asker : ALL_NODES,
    payloadLength: ND_MESSAGE_BYTES + ND_LINK_LAYER_OPTION_BYTES,
  };
  const messageAt = ipAt + emitIpv6Header(ip, out, ipAt);
  const answer = {
    kind: 'advertisement',
    isRouter: false,
    isSolicited,
    isOverride: true,
    target,
    linkLayer: mac,
  } as const;
  const messageLength = emitNeighbor(answer, out, messageAt);
  completeIcmpv6Checksum(out, ipAt + IPV6_ADDRESSES, messageAt, messageLength);
  return messageAt + messageLength - outAt;
}
