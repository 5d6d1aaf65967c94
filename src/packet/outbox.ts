// What goes to the underlay in one turn. A packet is a header, written here, and a payload that stays where it
// lies; packets of one size for one peer on one slot form a bundle, which the kernel takes in one offload send
// (UDP_SEGMENT): every packet of a bundle has its first one's size, and only the last may be shorter.

import type { Region } from './region.ts';

/** Limits of UDP_SEGMENT: segments of one send, and its bytes (an IPv4 datagram less IP and UDP headers). */
export const BUNDLE_PACKETS = 64;
export const BUNDLE_BYTES = 65_507;

/** Room for one packet's headers; they are written at its end, and VXLAN goes in front of the transport's. */
export const HEADER_STRIDE = 64;
const OUTBOX_PACKETS = 2048;

/** Words of a packet: header offset, header length, payload offset, payload length. */
export const PACKET_WORDS = 4;
/** Words of a bundle: peer, slot, VNI, first packet, number of packets, size of its first packet. */
export const BUNDLE_WORDS = 6;

export class Outbox {
  readonly packets = new Uint32Array(OUTBOX_PACKETS * PACKET_WORDS);
  readonly bundles = new Uint32Array(OUTBOX_PACKETS * BUNDLE_WORDS);
  packetCount = 0;
  bundleCount = 0;
  private readonly headerBase: number;
  private bundleBytes = 0;
  private open = false;

  /** Headers are written into the region's first chunk, which it keeps for that. */
  constructor(_region: Region) {
    this.headerBase = HEADER_STRIDE;
  }

  /** Packets that still fit. */
  get room(): number {
    return OUTBOX_PACKETS - this.packetCount;
  }

  /** Where the next packet's header ends: write it in front of this offset, then `add`. */
  headerEnd(): number {
    return this.headerBase + (this.packetCount + 1) * HEADER_STRIDE;
  }

  /** Adds a packet, to the open bundle when it fits there. Sizes include the 8 bytes of VXLAN still to come. */
  add(peer: number, slot: number, vni: number, headerLength: number, payload: number, length: number): void {
    const size = headerLength + length;
    const at = this.packetCount * PACKET_WORDS;
    this.packets[at] = this.headerEnd() - headerLength;
    this.packets[at + 1] = headerLength;
    this.packets[at + 2] = payload;
    this.packets[at + 3] = length;
    const bundles = this.bundles;
    let bundle = (this.bundleCount - 1) * BUNDLE_WORDS;
    if (
      this.open &&
      bundles[bundle] === peer &&
      bundles[bundle + 1] === slot &&
      bundles[bundle + 2] === vni &&
      size <= bundles[bundle + 5]! &&
      bundles[bundle + 4]! < BUNDLE_PACKETS &&
      this.bundleBytes + size <= BUNDLE_BYTES
    ) {
      bundles[bundle + 4]!++;
      this.bundleBytes += size;
      this.open = size === bundles[bundle + 5];
    } else {
      bundle = this.bundleCount++ * BUNDLE_WORDS;
      bundles[bundle] = peer;
      bundles[bundle + 1] = slot;
      bundles[bundle + 2] = vni;
      bundles[bundle + 3] = this.packetCount;
      bundles[bundle + 4] = 1;
      bundles[bundle + 5] = size;
      this.bundleBytes = size;
      this.open = true;
    }
    this.packetCount++;
  }

  clear(): void {
    this.packetCount = 0;
    this.bundleCount = 0;
    this.open = false;
  }
}
