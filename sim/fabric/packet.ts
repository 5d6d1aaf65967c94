// What the fabric carries: UDP datagrams between hosts. The outer headers are fields and not bytes, but count on
// the wire as if they were.

export interface Packet {
  /** Numbers of hosts in the fabric. */
  readonly source: number;
  readonly destination: number;
  /** What ECMP has to tell paths apart by, between the same two hosts. */
  readonly sourcePort: number;
  /** The UDP payload, which nobody changes any more. */
  readonly bytes: Uint8Array;
}

/** Ethernet with preamble, gap and check sequence, IPv4, UDP. */
export const WIRE_OVERHEAD_BYTES = 38 + 20 + 8;

export function wireBytes(packet: Packet): number {
  return packet.bytes.length + WIRE_OVERHEAD_BYTES;
}
