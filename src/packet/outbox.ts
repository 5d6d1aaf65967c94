// What goes to the underlay in one turn. A packet is a header, written here, and a payload that stays where it
// lies; packets of one size for one peer on one slot form a bundle, which the kernel takes in one offload send
// (UDP_SEGMENT): every packet of a bundle has its first one's size, and only the last may be shorter. A bundle may arrive
// as one, and be given to the data thread of its first packet: so all of it is for the same one, as the lane says.

/** Limits of UDP_SEGMENT: segments of one send, and its bytes (an IPv4 datagram less IP and UDP headers). */
export const BUNDLE_PACKETS = 64;
export const BUNDLE_BYTES = 65_507;

/** Room for one packet's headers; they are written towards its end. */
export const HEADER_STRIDE = 128;
/** Few enough that the last leaves soon after all were stamped; each bundle is a system call of its own anyway. */
export const OUTBOX_PACKETS = 256;

/** Slots are fewer. In place of a slot, so much more than a source port's number sends by that port, which need be no slot's. */
export const BY_PORT = 8;

/** The lane of a packet that shares no bundle. */
export const LANE_ALONE = -1;

/** Words of a packet: header offset, header length, payload offset, payload length. */
export const PACKET_WORDS = 4;
/** Words of a bundle: peer, slot (or source port, from BY_PORT on), first packet, number of packets, size of its first packet. */
export const BUNDLE_WORDS = 5;

export class Outbox {
  readonly packets = new Uint32Array(OUTBOX_PACKETS * PACKET_WORDS);
  readonly bundles = new Uint32Array(OUTBOX_PACKETS * BUNDLE_WORDS);
  packetCount = 0;
  bundleCount = 0;
  private bundleBytes = 0;
  private bundleLane = 0;
  private open = false;

  /** Packets that still fit. */
  get room(): number {
    return OUTBOX_PACKETS - this.packetCount;
  }

  /** Where the next packet's header ends, in the region's first chunk: write it in front of this, then `add`. */
  headerEnd(): number {
    return (this.packetCount + 1) * HEADER_STRIDE;
  }

  /**
   * Adds a packet whose headers are written, to the open bundle when it fits there. Packets of different lanes may be for
   * different threads of the peer.
   */
  add(peer: number, slot: number, headerLength: number, payload: number, length: number, lane = 0): void {
    const at = this.packetCount * PACKET_WORDS;
    this.packets[at] = this.headerEnd() - headerLength;
    this.packets[at + 1] = headerLength;
    this.packets[at + 2] = payload;
    this.packets[at + 3] = length;
    this.bundle(peer, slot, headerLength + length, lane);
  }

  /** Adds a packet that is all header and starts at `start`, in the room of the next header. */
  addAt(peer: number, slot: number, start: number, length: number, lane = 0): void {
    const at = this.packetCount * PACKET_WORDS;
    this.packets[at] = start;
    this.packets[at + 1] = length;
    this.packets[at + 2] = 0;
    this.packets[at + 3] = 0;
    this.bundle(peer, slot, length, lane);
  }

  clear(): void {
    this.packetCount = 0;
    this.bundleCount = 0;
    this.open = false;
  }

  private bundle(peer: number, slot: number, size: number, lane: number): void {
    const bundles = this.bundles;
    let bundle = (this.bundleCount - 1) * BUNDLE_WORDS;
    if (
      this.open &&
      bundles[bundle] === peer &&
      bundles[bundle + 1] === slot &&
      this.bundleLane === lane &&
      size <= bundles[bundle + 4]! &&
      bundles[bundle + 3]! < BUNDLE_PACKETS &&
      this.bundleBytes + size <= BUNDLE_BYTES
    ) {
      bundles[bundle + 3]!++;
      this.bundleBytes += size;
      this.open = size === bundles[bundle + 4];
    } else {
      bundle = this.bundleCount++ * BUNDLE_WORDS;
      bundles[bundle] = peer;
      bundles[bundle + 1] = slot;
      bundles[bundle + 2] = this.packetCount;
      bundles[bundle + 3] = 1;
      bundles[bundle + 4] = size;
      this.bundleBytes = size;
      this.bundleLane = lane;
      this.open = lane !== LANE_ALONE;
    }
    this.packetCount++;
  }
}
