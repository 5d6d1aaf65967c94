// Middleware that writes what passes through a device as a capture file (pcap, draft-ietf-opsawg-pcap, timestamps in
// microseconds). A vNIC's frames come without their virtio_net_hdr: super-frames of up to 64 KB, checksums not yet
// computed, as a capture in the tenant's own namespace shows them. The underlay's packets get the IPv4 and UDP headers
// that the socket keeps to itself; `wireshark -X lua_script:docs/selvage.lua` reads them.

import { bytesOf } from '../base/bytes.ts';
import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import type { Region } from '../packet/region.ts';
import type { Ipv4Address } from '../wire/address.ts';
import { emitIpv4Header, IPV4_MIN_HEADER_BYTES } from '../wire/ipv4.ts';
import { PROTOCOL_UDP } from '../wire/protocols.ts';
import { emitUdp, UDP_HEADER_BYTES } from '../wire/udp.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../wire/virtio-net-header.ts';
import { type FrameObserver, ObservedUnderlay, ObservedVnic } from './observe.ts';

export const LINKTYPE_ETHERNET = 1;
/** A packet starts with its IP header. */
export const LINKTYPE_RAW = 101;

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const VERSION_2_4 = (2 << 16) | 4;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const SNAP_BYTES = 0x4_0000;
const BUFFER_BYTES = 0x4_0000;

export class PcapWriter {
  private readonly sink: (bytes: Uint8Array) => void;
  private readonly clock: () => number;
  private readonly buffer = bytesOf(new Uint8Array(BUFFER_BYTES));
  private used = 0;

  /** Writes the file's header at once. `sink` may not keep what it is given; `clock`: microseconds since 1970. */
  constructor(linkType: number, sink: (bytes: Uint8Array) => void, clock: () => number) {
    this.sink = sink;
    this.clock = clock;
    const header = [MAGIC_MICROSECONDS, VERSION_2_4, 0, 0, SNAP_BYTES, linkType];
    for (const [i, word] of header.entries()) this.buffer.view.setUint32(4 * i, word);
    this.used = FILE_HEADER_BYTES;
    this.flush();
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

/** The writer's link type is LINKTYPE_ETHERNET. */
export function captureVnic(inner: FrameDevice, region: Region, writer: PcapWriter): FrameDevice {
  const write = (frame: Uint8Array) => writer.record(NOTHING, frame.subarray(VIRTIO_NET_HEADER_BYTES));
  const observer: FrameObserver = { sent: write, received: write, flush: () => writer.flush() };
  return new ObservedVnic(inner, region, observer);
}

/** Who is at the ends of the underlay, for the outer headers. */
export interface UnderlayEnds {
  readonly address: Ipv4Address;
  readonly port: number;
  /** UDP source port of slot 0; the other slots' follow. */
  readonly sourcePort: number;
  /** VTEPs of the peers, by number. */
  readonly peers: readonly Ipv4Address[];
}

/** The writer's link type is LINKTYPE_RAW. A received packet has source port 0: the socket does not tell it. */
export function captureUnderlay(
  inner: UnderlayDevice,
  region: Region,
  ends: UnderlayEnds,
  writer: PcapWriter,
): UnderlayDevice {
  const headers = bytesOf(new Uint8Array(IPV4_MIN_HEADER_BYTES + UDP_HEADER_BYTES));
  let identification = 0;
  const write = (source: Ipv4Address, sourcePort: number, destination: Ipv4Address, packet: Uint8Array) => {
    const udp = { sourcePort, destinationPort: ends.port, payloadLength: packet.length, checksum: 0 };
    const ip = {
      tos: 0,
      identification: identification++ & 0xffff,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: 64,
      protocol: PROTOCOL_UDP,
      source,
      destination,
      options: NOTHING,
      payloadLength: UDP_HEADER_BYTES + packet.length,
    };
    emitUdp(udp, headers, emitIpv4Header(ip, headers, 0));
    writer.record(headers.u8, packet);
  };
  return new ObservedUnderlay(inner, region, {
    sent: (peer, slot, packet) => write(ends.address, ends.sourcePort + slot, ends.peers[peer]!, packet),
    received: (source, packet) => write(source, 0, ends.address, packet),
    flush: () => writer.flush(),
  });
}
