// Middleware that writes what passes through a device as a capture file (pcap, draft-ietf-opsawg-pcap, timestamps in
// microseconds). A vNIC's frames come without their virtio_net_hdr: super-frames of up to 64 KB, checksums not yet
// computed, as a capture in the tenant's own namespace shows them. The underlay's packets get the IP and UDP headers
// that the socket keeps to itself; `wireshark -X lua_script:docs/selvage.lua` reads them.

import { type Bytes, bytesOf } from '../base/bytes.ts';
import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import { BY_PORT } from '../packet/outbox.ts';
import type { Region } from '../packet/region.ts';
import { SLOTS } from '../paths/path-table.ts';
import { asIpv6, type HostAddress } from '../wire/address.ts';
import { emitIpv4Header } from '../wire/ipv4.ts';
import { emitIpv6Header, IPV6_HEADER_BYTES } from '../wire/ipv6.ts';
import { PROTOCOL_UDP } from '../wire/protocols.ts';
import { emitUdp, UDP_HEADER_BYTES } from '../wire/udp.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';
import { type FrameObserver, ObservedUnderlay, observeVnic } from './observe.ts';

export const LINKTYPE_ETHERNET = 1;
/** A packet starts with its IP header. */
export const LINKTYPE_RAW = 101;

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const VERSION_2_4 = (2 << 16) | 4;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const SNAP_BYTES = 0x4_0000;
const BUFFER_BYTES = 0x4_0000;

/** What a file begins with, once: several threads may write to it behind this. */
export function pcapFileHeader(linkType: number): Uint8Array {
  const { u8, view } = bytesOf(new Uint8Array(FILE_HEADER_BYTES));
  const header = [MAGIC_MICROSECONDS, VERSION_2_4, 0, 0, SNAP_BYTES, linkType];
  for (const [i, word] of header.entries()) view.setUint32(4 * i, word);
  return u8;
}

/** Writes whole records behind the file's header. */
export class PcapWriter {
  private readonly sink: (bytes: Uint8Array) => void;
  private readonly clock: () => number;
  private readonly buffer = bytesOf(new Uint8Array(BUFFER_BYTES));
  private used = 0;

  /** `sink` may not keep what it is given; `clock`: microseconds since 1970. */
  constructor(sink: (bytes: Uint8Array) => void, clock: () => number) {
    this.sink = sink;
    this.clock = clock;
  }

  /** Adds a packet in two parts, one behind the other. At most 64 KB and some headers. */
  record(head: Uint8Array, tail: Uint8Array): void {
    const length = head.length + tail.length;
    if (this.used + RECORD_HEADER_BYTES + length > BUFFER_BYTES) this.flush();
    const { u8, view } = this.buffer;
    const now = this.clock();
    const seconds = Math.floor(now / 1e6);
    view.setUint32(this.used, seconds);
    view.setUint32(this.used + 4, Math.floor(now - seconds * 1e6));
    view.setUint32(this.used + 8, length);
    view.setUint32(this.used + 12, length);
    this.used += RECORD_HEADER_BYTES;
    u8.set(head, this.used);
    u8.set(tail, this.used + head.length);
    this.used += length;
  }

  flush(): void {
    if (this.used > 0) this.sink(this.buffer.u8.subarray(0, this.used));
    this.used = 0;
  }
}

const NOTHING = new Uint8Array(0);
const HOP_LIMIT = 64;

/** For a file of link type LINKTYPE_ETHERNET. */
export function captureVnic(inner: FrameDevice, region: Region, writer: PcapWriter): FrameDevice {
  const write = (frame: Uint8Array) => writer.record(NOTHING, frame.subarray(VIRTIO_NET_HEADER_BYTES));
  const observer: FrameObserver = { sent: write, received: write, flush: () => writer.flush() };
  return observeVnic(inner, region, observer);
}

/** Who is at the ends of the underlay, for the outer headers. */
export interface UnderlayEnds {
  readonly address: HostAddress;
  readonly port: number;
  /** UDP source port of slot 0; the others follow. */
  readonly sourcePort: number;
  /** VTEPs of the peers, by number. */
  readonly peers: readonly HostAddress[];
}

/** The writer's link type is LINKTYPE_RAW. A received packet has source port 0: the socket does not tell it. */
export function captureUnderlay(
  inner: UnderlayDevice,
  region: Region,
  ends: UnderlayEnds,
  writer: PcapWriter,
): UnderlayDevice {
  const { peers } = ends;
  const headers = bytesOf(new Uint8Array(IPV6_HEADER_BYTES + UDP_HEADER_BYTES));
  const candidates = peers.map(() => Array.from({ length: SLOTS }, (_, slot) => slot));
  const portOf = (peer: number, slot: number) => (slot < BY_PORT ? candidates[peer]![slot]! : slot - BY_PORT);
  let identification = 0;
  const write = (source: HostAddress, sourcePort: number, destination: HostAddress, packet: Uint8Array) => {
    const udp = { sourcePort, destinationPort: ends.port, payloadLength: packet.length, checksum: 0 };
    const payloadLength = UDP_HEADER_BYTES + packet.length;
    identification = (identification + 1) & 0xffff;
    const at = emitIpHeader({ source, destination, identification, payloadLength }, headers);
    emitUdp(udp, headers, at);
    writer.record(headers.u8.subarray(0, at + UDP_HEADER_BYTES), packet);
  };
  return new ObservedUnderlay(inner, region, {
    sent: (peer, slot, packet) =>
      write(ends.address, ends.sourcePort + portOf(peer, slot), peers[peer]!, packet),
    bound: (peer, slot, candidate) => {
      candidates[peer]![slot] = candidate;
    },
    received: (source, packet) => write(source, 0, ends.address, packet),
    flush: () => writer.flush(),
  });
}

interface OuterHeader {
  readonly source: HostAddress;
  readonly destination: HostAddress;
  readonly identification: number;
  readonly payloadLength: number;
}

/** Writes the header that the socket puts in front; its length. */
function emitIpHeader(
  { source, destination, identification, payloadLength }: OuterHeader,
  into: Bytes,
): number {
  if (typeof source === 'number' && typeof destination === 'number') {
    const fixed = { tos: 0, dontFragment: true, moreFragments: false, fragmentOffset: 0, options: NOTHING };
    const ttl = { ttl: HOP_LIMIT, protocol: PROTOCOL_UDP };
    return emitIpv4Header({ ...fixed, ...ttl, source, destination, identification, payloadLength }, into, 0);
  }
  const ports = { trafficClass: 0, flowLabel: 0, nextHeader: PROTOCOL_UDP, hopLimit: HOP_LIMIT };
  const ends = { source: asIpv6(source), destination: asIpv6(destination) };
  return emitIpv6Header({ ...ports, ...ends, payloadLength }, into, 0);
}
