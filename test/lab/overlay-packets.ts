// Packets as they lie in the underlay, for tests of the programs that see them: Ethernet, tags, IPv4 or IPv6, UDP.
import { bytesOf } from '../../src/base/bytes.ts';
import { type HostAddress, writeIpv6 } from '../../src/wire/address.ts';
import { foldSum, partialSum } from '../../src/wire/checksum.ts';

export interface OverlayPacket {
  readonly source: HostAddress;
  readonly destination: HostAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
  readonly tags?: number;
  readonly hasChecksum?: boolean;
  readonly hops?: number;
  /** IPv4: words of options, and flags with the offset of a fragment. */
  readonly optionWords?: number;
  readonly fragment?: number;
  readonly protocol?: number;
}

const ETHERNET_BYTES = 14;
const UDP = 17;

/** A whole frame. */
export function overlayFrame(packet: OverlayPacket): Uint8Array {
  const { source, tags = 0, optionWords = 0, payload } = packet;
  const ipBytes = typeof source === 'number' ? 20 + 4 * optionWords : 40;
  const ipAt = ETHERNET_BYTES + 4 * tags;
  const udpAt = ipAt + ipBytes;
  const frame = new Uint8Array(udpAt + 8 + payload.length);
  const view = new DataView(frame.buffer);
  for (let i = 0; i < tags; i++) view.setUint32(12 + 4 * i, 0x8100_0000 + 7 + i);
  const type = typeof source === 'number' ? 0x0800 : 0x86dd;
  view.setUint16(ipAt - 2, type);
  if (typeof source === 'number') writeIpv4(view, ipAt, packet, frame.length - ipAt);
  else writeIpv6Header(view, ipAt, packet, frame.length - udpAt);
  view.setUint16(udpAt, packet.sourcePort);
  view.setUint16(udpAt + 2, packet.destinationPort);
  view.setUint16(udpAt + 4, 8 + payload.length);
  frame.set(payload, udpAt + 8);
  if (packet.hasChecksum) view.setUint16(udpAt + 6, 0xffff - udpSum(frame, udpAt) || 0xffff);
  return frame;
}

/** Where UDP begins in a frame that `overlayFrame` made of this. */
export function udpAtOf({ source, tags = 0, optionWords = 0 }: OverlayPacket): number {
  return ETHERNET_BYTES + 4 * tags + (typeof source === 'number' ? 20 + 4 * optionWords : 40);
}

/** Of a right packet 0xffff. */
export function udpSum(frame: Uint8Array, udpAt: number): number {
  const bytes = bytesOf(frame);
  const length = bytes.view.getUint16(udpAt + 4);
  // Both addresses lie right before IPv4 options or UDP; options are given no checksum by these tests.
  const addresses = frame[udpAt - 40 - 2] === 0x86 && frame[udpAt - 40 - 1] === 0xdd ? 32 : 8;
  const sum = partialSum(bytes, udpAt - addresses, addresses) + UDP + length;
  return partialSum(bytes, udpAt, length, foldSum(sum));
}

function writeIpv4(view: DataView, at: number, packet: OverlayPacket, length: number): void {
  const { optionWords = 0, fragment = 0, hops = 64, protocol = UDP } = packet;
  view.setUint8(at, 0x45 + optionWords);
  view.setUint16(at + 2, length);
  view.setUint16(at + 6, fragment);
  view.setUint8(at + 8, hops);
  view.setUint8(at + 9, protocol);
  view.setUint32(at + 12, packet.source as number);
  view.setUint32(at + 16, packet.destination as number);
}

function writeIpv6Header(view: DataView, at: number, packet: OverlayPacket, length: number): void {
  const { hops = 64, protocol = UDP } = packet;
  view.setUint8(at, 0x60);
  view.setUint16(at + 4, length);
  view.setUint8(at + 6, protocol);
  view.setUint8(at + 7, hops);
  for (const [i, address] of [packet.source, packet.destination].entries()) {
    if (typeof address !== 'number') writeIpv6(view, at + 8 + 16 * i, address);
  }
}

export interface InnerPacket {
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly vni?: number;
  readonly flags?: number;
}

/** VXLAN and a frame with TCP over IPv4, not further filled in. */
export function vxlanPayload(inner: InnerPacket): Uint8Array {
  const { flags = 0x08, vni = 100 } = inner;
  const payload = new Uint8Array(8 + 14 + 20 + 20);
  const view = new DataView(payload.buffer);
  view.setUint8(0, flags);
  view.setUint32(4, vni << 8);
  view.setUint16(8 + 12, 0x0800);
  view.setUint8(22, 0x45);
  view.setUint8(22 + 9, 6);
  view.setUint32(22 + 12, inner.source);
  view.setUint32(22 + 16, inner.destination);
  view.setUint16(42, inner.sourcePort);
  view.setUint16(44, inner.destinationPort);
  return payload;
}
