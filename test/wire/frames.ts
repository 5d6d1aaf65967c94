// Whole tenant frames put together from representations, with right checksums and payload that can be recognised.

import type { Bytes } from '../../src/base/bytes.ts';
import { allocateBytes, bytesOf } from '../../src/base/bytes.ts';
import type { Ipv6Address } from '../../src/wire/address.ts';
import { finishSum, partialSum, pseudoHeaderSum4, pseudoHeaderSum6 } from '../../src/wire/checksum.ts';
import type { EthernetRepr } from '../../src/wire/ethernet.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, emitEthernet } from '../../src/wire/ethernet.ts';
import type { Ipv4Repr } from '../../src/wire/ipv4.ts';
import { emitIpv4Header } from '../../src/wire/ipv4.ts';
import type { Ipv6Repr } from '../../src/wire/ipv6.ts';
import { emitIpv6Header, IPV6_ADDRESSES } from '../../src/wire/ipv6.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../src/wire/protocols.ts';
import type { TcpRepr } from '../../src/wire/tcp.ts';
import { emitTcp, TCP_ACK, TCP_CHECKSUM } from '../../src/wire/tcp.ts';
import type { UdpRepr } from '../../src/wire/udp.ts';
import { emitUdp, UDP_CHECKSUM } from '../../src/wire/udp.ts';
import { VirtioNetHeaderView, writeVirtioNetHeader } from '../../src/wire/virtio-net-header.ts';

export const HOST_A_MAC = 0x02_00_00_00_00_01;
export const HOST_B_MAC = 0x02_00_00_00_00_02;
export const HOST_A_IPV6: Ipv6Address = [0xfd000000, 0, 0, 1];
export const HOST_B_IPV6: Ipv6Address = [0xfd000000, 0, 0, 2];

export interface FrameSpec {
  readonly ethernet?: Partial<EthernetRepr>;
  readonly ipv4?: Partial<Ipv4Repr>;
  readonly ipv6?: Partial<Ipv6Repr>;
  readonly extensions?: Uint8Array;
  readonly tcp?: Partial<TcpRepr>;
  readonly udp?: Partial<UdpRepr>;
  readonly payload: Uint8Array;
}

/** Octets that repeat after 251, so that a segment out of place shows. */
export function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

const tcpDefaults: TcpRepr = {
  sourcePort: 40000,
  destinationPort: 7000,
  sequence: 1,
  acknowledgment: 2,
  flags: TCP_ACK,
  window: 512,
  checksum: 0,
  urgentPointer: 0,
  options: new Uint8Array(0),
};

function emitNetwork(spec: FrameSpec, transportLength: number, bytes: Bytes, at: number): number {
  const protocol = spec.tcp === undefined ? PROTOCOL_UDP : PROTOCOL_TCP;
  if (spec.ipv6 === undefined) {
    const ip: Ipv4Repr = {
      tos: 0,
      identification: 1,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: 64,
      protocol,
      source: 0x0a000001,
      destination: 0x0a000002,
      options: new Uint8Array(0),
      payloadLength: transportLength,
      ...spec.ipv4,
    };
    return emitIpv4Header(ip, bytes, at);
  }
  const extensions = spec.extensions ?? new Uint8Array(0);
  const ip: Ipv6Repr = {
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: protocol,
    hopLimit: 64,
    source: HOST_A_IPV6,
    destination: HOST_B_IPV6,
    payloadLength: extensions.length + transportLength,
    ...spec.ipv6,
  };
  const length = emitIpv6Header(ip, bytes, at);
  bytes.u8.set(extensions, at + length);
  return length + extensions.length;
}

/** The frame, with the transport checksum right. */
export function buildFrame(spec: FrameSpec): Uint8Array {
  const bytes = allocateBytes(200 + (spec.extensions?.length ?? 0) + spec.payload.length);
  const etherType = spec.ipv6 === undefined ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  const ethernet = { destination: HOST_B_MAC, source: HOST_A_MAC, etherType, ...spec.ethernet };
  const networkAt = emitEthernet(ethernet, bytes, 0);
  const headerLength = spec.tcp === undefined ? 8 : 20 + (spec.tcp.options?.length ?? 0);
  const transportLength = headerLength + spec.payload.length;
  const transportAt = networkAt + emitNetwork(spec, transportLength, bytes, networkAt);
  if (spec.tcp !== undefined) {
    emitTcp({ ...tcpDefaults, ...spec.tcp, checksum: 0 }, bytes, transportAt);
  } else {
    const udp = { sourcePort: 40001, destinationPort: 7001, payloadLength: spec.payload.length, ...spec.udp };
    emitUdp({ ...udp, checksum: 0 }, bytes, transportAt);
  }
  bytes.u8.set(spec.payload, transportAt + headerLength);
  const protocol = spec.tcp === undefined ? PROTOCOL_UDP : PROTOCOL_TCP;
  const pseudo =
    spec.ipv6 === undefined
      ? pseudoHeaderSum4(
          bytes.view.getUint32(networkAt + 12),
          bytes.view.getUint32(networkAt + 16),
          protocol,
          transportLength,
        )
      : pseudoHeaderSum6(bytes, networkAt + IPV6_ADDRESSES, protocol, transportLength);
  const sum = finishSum(partialSum(bytes, transportAt, transportLength, pseudo)) || 0xffff;
  bytes.view.setUint16(transportAt + (spec.tcp === undefined ? UDP_CHECKSUM : TCP_CHECKSUM), sum);
  return bytes.u8.slice(0, transportAt + transportLength);
}

/** A virtio_net_hdr for a frame of `length` bytes; throws where the header does not fit the frame. */
export function virtioHeader(
  length: number,
  fields: { flags?: number; gsoType?: number; gsoSize?: number; csumStart?: number; csumOffset?: number },
): VirtioNetHeaderView {
  const { flags = 0, gsoType = 0, gsoSize = 0, csumStart = 0, csumOffset = 0 } = fields;
  const bytes = bytesOf(new Uint8Array(10));
  writeVirtioNetHeader(bytes.view, 0, flags, gsoType, 0, gsoSize, csumStart, csumOffset);
  const header = new VirtioNetHeaderView();
  if (!header.aim(bytes, 0, 10 + length)) throw new Error('the virtio_net_hdr does not fit its frame');
  return header;
}
