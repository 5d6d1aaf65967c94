// The headers of one tenant's frame, found in one go: Ethernet, its tag, IPv4 or IPv6, and where the transport
// header lies. What classification, policy and segmentation have in common.

import type { Bytes } from '../base/bytes.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthernetView } from './ethernet.ts';
import { Ipv4View } from './ipv4.ts';
import { Ipv6View } from './ipv6.ts';

export const NETWORK_OTHER = 0;
export const NETWORK_IPV4 = 4;
export const NETWORK_IPV6 = 6;

export class FrameView {
  readonly ethernet = new EthernetView();
  /** Aimed where `network` is NETWORK_IPV4. */
  readonly ipv4 = new Ipv4View();
  /** Aimed where `network` is NETWORK_IPV6. */
  readonly ipv6 = new Ipv6View();
  network: typeof NETWORK_OTHER | typeof NETWORK_IPV4 | typeof NETWORK_IPV6 = NETWORK_OTHER;
  networkAt = 0;
  /** The IP protocol behind extension headers; 0 where `network` is NETWORK_OTHER. */
  protocol = 0;
  isFragment = false;
  transportAt = 0;
  /** Of the transport header and its payload, without the frame's padding. */
  transportLength = 0;

  /** False for a frame too short for Ethernet, or of an IP EtherType with a malformed IP header. */
  aim(bytes: Bytes, at: number, length: number): boolean {
    const ethernet = this.ethernet;
    if (!ethernet.aim(bytes, at, length)) return false;
    this.networkAt = ethernet.payloadAt;
    const etherType = ethernet.etherType;
    if (etherType === ETHERTYPE_IPV4) return this.aimIpv4(bytes, ethernet.payloadLength);
    if (etherType === ETHERTYPE_IPV6) return this.aimIpv6(bytes, ethernet.payloadLength);
    this.network = NETWORK_OTHER;
    this.protocol = 0;
    this.isFragment = false;
    this.transportAt = this.networkAt;
    this.transportLength = 0;
    return true;
  }

  private aimIpv4(bytes: Bytes, length: number): boolean {
    const ip = this.ipv4;
    if (!ip.aim(bytes, this.networkAt, length)) return false;
    this.network = NETWORK_IPV4;
    this.protocol = ip.protocol;
    this.isFragment = ip.isFragment;
    this.transportAt = ip.payloadAt;
    this.transportLength = ip.payloadLength;
    return true;
  }

  private aimIpv6(bytes: Bytes, length: number): boolean {
    const ip = this.ipv6;
    if (!ip.aim(bytes, this.networkAt, length)) return false;
    this.network = NETWORK_IPV6;
    this.protocol = ip.protocol;
    this.isFragment = ip.isFragment;
    this.transportAt = ip.payloadAt;
    this.transportLength = ip.payloadLength;
    return true;
  }
}
