// What a vNIC may send: frames that bear its own MAC and addresses (BIFROST §2.1, tenant isolation). ARP and
// neighbour discovery are checked too, or a tenant could take over another's address by announcing it. Whatever could
// put another address behind this check is refused with it: a second VLAN tag, which hides what it is around, and a
// checksum that is still to be stored where an address was read.

import type { Bytes } from '../base/bytes.ts';
import { IPV6_UNSPECIFIED, isIpv6At } from '../wire/address.ts';
import { ArpView } from '../wire/arp.ts';
import { ETHERTYPE_ARP, ETHERTYPE_VLAN } from '../wire/ethernet.ts';
import { type FrameView, NETWORK_IPV4, NETWORK_IPV6 } from '../wire/frame.ts';
import {
  ICMPV6_NEIGHBOR_ADVERTISEMENT,
  ICMPV6_NEIGHBOR_SOLICITATION,
  icmpv6Type,
  NeighborView,
} from '../wire/icmpv6.ts';
import { PROTOCOL_ICMPV6 } from '../wire/protocols.ts';
import type { VirtioNetHeaderView } from '../wire/virtio-net-header.ts';
import type { PortConfig } from './config.ts';
import type { FrameDropReason } from './drops.ts';

/** The outer tag of two (IEEE 802.1ad); a stack takes one of VLAN 0 off like any other. */
const ETHERTYPE_SERVICE_VLAN = 0x88a8;

export class SourcePolicy {
  private readonly arp = new ArpView();
  private readonly neighbor = new NeighborView();

  /** Why the frame may not leave the port, or undefined when it may. Both views are aimed at it. */
  reject(
    port: PortConfig,
    frame: FrameView,
    header: VirtioNetHeaderView,
    bytes: Bytes,
  ): FrameDropReason | undefined {
    if (!port.sourceCheck) return undefined;
    if (frame.ethernet.source !== port.mac) return 'spoofedMac';
    if (header.needsChecksum && header.csumStart < frame.transportAt - frame.ethernet.at) {
      return 'malformedFrame';
    }
    if (frame.network === NETWORK_IPV4) {
      return port.ipv4.includes(frame.ipv4.source) ? undefined : 'spoofedAddress';
    }
    if (frame.network === NETWORK_IPV6) return this.rejectIpv6(port, frame, header, bytes);
    switch (frame.ethernet.etherType) {
      case ETHERTYPE_ARP:
        return header.needsChecksum ? 'malformedFrame' : this.rejectArp(port, frame, bytes);
      case ETHERTYPE_VLAN:
      case ETHERTYPE_SERVICE_VLAN:
        return 'nestedTag';
      default:
        return undefined;
    }
  }

  private rejectIpv6(
    port: PortConfig,
    frame: FrameView,
    header: VirtioNetHeaderView,
    bytes: Bytes,
  ): FrameDropReason | undefined {
    const { view } = bytes;
    const { sourceAt } = frame.ipv6;
    // Unspecified: duplicate address detection.
    if (!isOwnIpv6(port, view, sourceAt) && !isIpv6At(view, sourceAt, IPV6_UNSPECIFIED)) {
      return 'spoofedAddress';
    }
    // Hosts ignore neighbour discovery in fragments (RFC 6980).
    if (frame.protocol !== PROTOCOL_ICMPV6 || frame.isFragment) return undefined;
    const type = icmpv6Type(view, frame.transportAt, frame.transportLength);
    if (type !== ICMPV6_NEIGHBOR_SOLICITATION && type !== ICMPV6_NEIGHBOR_ADVERTISEMENT) return undefined;
    return header.needsChecksum ? 'malformedFrame' : this.rejectNeighbor(port, frame, bytes);
  }

  /** A solicitation names the sender's MAC, an advertisement its address, too (RFC 4861 §4.3, §4.4). */
  private rejectNeighbor(port: PortConfig, frame: FrameView, bytes: Bytes): FrameDropReason | undefined {
    const { neighbor } = this;
    if (!neighbor.aim(bytes, frame.transportAt, frame.transportLength)) return 'malformedFrame';
    if (neighbor.hasLinkLayer && neighbor.linkLayer !== port.mac) return 'spoofedMac';
    if (neighbor.isSolicitation || isOwnIpv6(port, bytes.view, neighbor.targetAt)) return undefined;
    return 'spoofedAddress';
  }

  private rejectArp(port: PortConfig, frame: FrameView, bytes: Bytes): FrameDropReason | undefined {
    if (!this.arp.aim(bytes, frame.networkAt, frame.ethernet.payloadLength)) return 'malformedFrame';
    if (this.arp.senderMac !== port.mac) return 'spoofedMac';
    const sender = this.arp.senderIp;
    // 0: somebody asks whether an address is free before taking it (RFC 5227).
    return sender === 0 || port.ipv4.includes(sender) ? undefined : 'spoofedAddress';
  }
}

/** One of the port's, or link-local: the tenant's stack makes such addresses from the MAC, or by itself. */
function isOwnIpv6(port: PortConfig, view: DataView, at: number): boolean {
  if (view.getUint16(at) >>> 6 === 0xfe80 >>> 6) return true;
  for (const address of port.ipv6) if (isIpv6At(view, at, address)) return true;
  return false;
}
