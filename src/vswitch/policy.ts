// What a vNIC may send: frames that bear its own MAC and addresses (BIFROST §2.1, tenant isolation). ARP and
// neighbour discovery are checked too, or a tenant could take over another's address by announcing it.

import type { Bytes } from '../base/bytes.ts';
import { isIpv6At } from '../wire/address.ts';
import { ArpView } from '../wire/arp.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ethernet.ts';
import { type FrameView, NETWORK_IPV4, NETWORK_IPV6 } from '../wire/frame.ts';
import type { PortConfig } from './config.ts';
import type { DropReason } from './drops.ts';

export class SourcePolicy {
  private readonly arp = new ArpView();

  /** Why the frame may not leave the port, or undefined when it may. The view is aimed at it. */
  reject(port: PortConfig, frame: FrameView, bytes: Bytes): DropReason | undefined {
    if (!port.sourceCheck) return undefined;
    if (frame.ethernet.source !== port.mac) return 'spoofedMac';
    if (frame.network === NETWORK_IPV4) {
      return port.ipv4.includes(frame.ipv4.source) ? undefined : 'spoofedAddress';
    }
    if (frame.network === NETWORK_IPV6) return this.rejectIpv6(port, frame, bytes);
    switch (frame.ethernet.etherType) {
      case ETHERTYPE_ARP:
        return this.rejectArp(port, frame, bytes);
      case ETHERTYPE_IPV4:
      case ETHERTYPE_IPV6:
        return 'malformedFrame';
      default:
        return undefined;
    }
  }

  private rejectIpv6(port: PortConfig, frame: FrameView, bytes: Bytes): DropReason | undefined {
    const at = frame.ipv6.sourceAt;
    const { view } = bytes;
    // Unspecified: duplicate address detection. Link-local: made by the tenant's stack from its MAC, or by itself.
    const high = view.getUint32(at);
    if (high >>> 22 === 0xfe80 >>> 6) return undefined;
    if (
      high === 0 &&
      view.getUint32(at + 4) === 0 &&
      view.getUint32(at + 8) === 0 &&
      view.getUint32(at + 12) === 0
    ) {
      return undefined;
    }
    for (const address of port.ipv6) if (isIpv6At(view, at, address)) return undefined;
    return 'spoofedAddress';
  }

  private rejectArp(port: PortConfig, frame: FrameView, bytes: Bytes): DropReason | undefined {
    if (!this.arp.aim(bytes, frame.networkAt, frame.ethernet.payloadLength)) return 'malformedFrame';
    if (this.arp.senderMac !== port.mac) return 'spoofedMac';
    const sender = this.arp.senderIp;
    // 0: somebody asks whether an address is free before taking it (RFC 5227).
    return sender === 0 || port.ipv4.includes(sender) ? undefined : 'spoofedAddress';
  }
}
