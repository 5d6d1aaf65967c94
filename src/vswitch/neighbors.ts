// ARP and neighbour discovery, answered by the switch for everybody it knows: no question of who has an address
// crosses the fabric. What it does not know is flooded like any broadcast.

import type { Bytes } from '../base/bytes.ts';
import { isIpv6At, readIpv6 } from '../wire/address.ts';
import { ARP_REQUEST, ArpView } from '../wire/arp.ts';
import { ETHERTYPE_ARP } from '../wire/ethernet.ts';
import { type FrameView, NETWORK_IPV6 } from '../wire/frame.ts';
import { ICMPV6_NEIGHBOR_SOLICITATION, icmpv6Type, NeighborView } from '../wire/icmpv6.ts';
import { answerArpRequest, answerNeighborSolicitation } from '../wire/neighbor-answers.ts';
import { PROTOCOL_ICMPV6 } from '../wire/protocols.ts';
import { macOfIpv4, macOfIpv6, type Port } from './forwarding.ts';

export class NeighborAnswers {
  private readonly arp = new ArpView();
  private readonly neighbor = new NeighborView();

  /**
   * Writes the answer to the frame at `at`, which `frame` is aimed at, to `outAt`. Its length, or 0 when the frame
   * asks nothing that is known here.
   */
  answer(port: Port, frame: FrameView, bytes: Bytes, at: number, length: number, outAt: number): number {
    if (frame.ethernet.etherType === ETHERTYPE_ARP)
      return this.answerArp(port, frame, bytes, at, length, outAt);
    if (frame.network !== NETWORK_IPV6 || frame.protocol !== PROTOCOL_ICMPV6) return 0;
    const { transportAt, transportLength } = frame;
    if (icmpv6Type(bytes.view, transportAt, transportLength) !== ICMPV6_NEIGHBOR_SOLICITATION) return 0;
    return this.answerSolicitation(port, frame, bytes, at, length, outAt);
  }

  private answerArp(
    port: Port,
    frame: FrameView,
    bytes: Bytes,
    at: number,
    length: number,
    outAt: number,
  ): number {
    const { arp } = this;
    if (!arp.aim(bytes, frame.networkAt, frame.ethernet.payloadLength) || arp.operation !== ARP_REQUEST)
      return 0;
    // Asking for one's own address is how a stack finds out that it is taken: silence is the right answer.
    if (port.ipv4.includes(arp.targetIp)) return 0;
    const mac = macOfIpv4(port.network, arp.targetIp);
    if (mac === -1) return 0;
    const written = answerArpRequest(bytes, at, length, mac, bytes, outAt);
    return typeof written === 'number' ? written : 0;
  }

  private answerSolicitation(
    port: Port,
    frame: FrameView,
    bytes: Bytes,
    at: number,
    length: number,
    outAt: number,
  ): number {
    const { neighbor } = this;
    if (neighbor.reject(bytes, frame.transportAt, frame.transportLength) !== undefined) return 0;
    for (const own of port.ipv6) if (isIpv6At(bytes.view, neighbor.targetAt, own)) return 0;
    const mac = macOfIpv6(port.network, readIpv6(bytes.view, neighbor.targetAt));
    if (mac === -1) return 0;
    const written = answerNeighborSolicitation(bytes, at, length, mac, bytes, outAt);
    return typeof written === 'number' ? written : 0;
  }
}
