// Finds the payload of a received UDP datagram and checks its checksum (RFC 768), unless the frame says that it need not be
// computed: what comes from another tenant's kernel on the same host bears half of one.

import { FRAME_AT } from '../../runtime/vnic/layout.ts';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../wire/ethernet.ts';
import { IPV4_MIN_HEADER_BYTES } from '../../wire/ipv4.ts';
import { IPV6_HEADER_BYTES } from '../../wire/ipv6.ts';
import { PROTOCOL_UDP } from '../../wire/protocols.ts';
import { UDP_HEADER_BYTES } from '../../wire/udp.ts';
import { VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM } from '../../wire/virtio-net-header.ts';
import type { PacketBatch } from './batch.ts';
import { sumBytes } from './copy-sum.ts';
import { fold } from './datagram-header.ts';

const IP_AT = FRAME_AT + ETHERNET_HEADER_BYTES;
const CHECKED = VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID;
const FRAGMENT_MASK = 0x3fff;

/** What a packet is. */
export const OTHER = 0;
export const DATAGRAM = 1;
export const BAD_CHECKSUM = 2;
export type PacketKind = typeof OTHER | typeof DATAGRAM | typeof BAD_CHECKSUM;

export class DatagramReader {
  /** Sets the packet's payload, of no bytes if it is no datagram. It has `length` bytes from `at` on. */
  read(batch: PacketBatch, packet: number, at: number, length: number): PacketKind {
    const { u8 } = batch.memory;
    batch.payloadLength[packet] = 0;
    const ip = at + IP_AT;
    const end = at + length;
    const etherType = word16(u8, ip - 2);
    let udp = 0;
    let addresses = 0;
    let addressBytes = 0;
    if (etherType === ETHERTYPE_IPV4 && ip + IPV4_MIN_HEADER_BYTES <= end) {
      if (u8[ip + 9] !== PROTOCOL_UDP || (word16(u8, ip + 6) & FRAGMENT_MASK) !== 0) return OTHER;
      udp = ip + (u8[ip]! & 15) * 4;
      addresses = ip + 12;
      addressBytes = 8;
    } else if (etherType === ETHERTYPE_IPV6 && ip + IPV6_HEADER_BYTES <= end) {
      if (u8[ip + 6] !== PROTOCOL_UDP) return OTHER;
      udp = ip + IPV6_HEADER_BYTES;
      addresses = ip + 8;
      addressBytes = 32;
    } else return OTHER;
    if (udp + UDP_HEADER_BYTES > end) return OTHER;
    const udpLength = word16(u8, udp + 4);
    if (udpLength < UDP_HEADER_BYTES || udp + udpLength > end) return OTHER;
    if ((u8[at]! & CHECKED) === 0 && word16(u8, udp + 6) !== 0) {
      const swappedLength = ((udpLength & 0xff) << 8) | (udpLength >>> 8);
      const pseudo = sumBytes(batch.memory, addresses, addressBytes) + (PROTOCOL_UDP << 8) + swappedLength;
      if (fold(pseudo + sumBytes(batch.memory, udp, udpLength)) !== 0xffff) return BAD_CHECKSUM;
    }
    batch.payloadAt[packet] = udp + UDP_HEADER_BYTES;
    batch.payloadLength[packet] = udpLength - UDP_HEADER_BYTES;
    return DATAGRAM;
  }
}

function word16(u8: Uint8Array, at: number): number {
  return (u8[at]! << 8) | u8[at + 1]!;
}
