// Frames of tenants by number: tenant n has MAC 02:00:00:00:00:n and 10.0.0.n, and sends datagrams of one flow to each
// other one.

import { allocateBytes } from '../../src/base/bytes.ts';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, emitEthernet } from '../../src/wire/ethernet.ts';
import { emitIpv4Header, IPV4_MIN_HEADER_BYTES } from '../../src/wire/ipv4.ts';
import { PROTOCOL_UDP } from '../../src/wire/protocols.ts';
import { emitUdp, UDP_HEADER_BYTES } from '../../src/wire/udp.ts';
import { VIRTIO_NET_HEADER_BYTES } from '../../src/wire/virtio-net-header.ts';

const UDP_PORT = 7000;

export const macOf = (tenant: number) => 0x0200_0000_0000 + tenant;
export const ipv4Of = (tenant: number) => 0x0a00_0000 + tenant;

/** Of so many bytes with the virtio_net_hdr in front. */
export function datagramBetween(from: number, to: number, length: number): Uint8Array {
  const bytes = allocateBytes(length);
  const ipAt = VIRTIO_NET_HEADER_BYTES + ETHERNET_HEADER_BYTES;
  const udpAt = ipAt + IPV4_MIN_HEADER_BYTES;
  const payloadLength = length - udpAt - UDP_HEADER_BYTES;
  const ethernet = { source: macOf(from), destination: macOf(to), etherType: ETHERTYPE_IPV4 };
  emitEthernet(ethernet, bytes, VIRTIO_NET_HEADER_BYTES);
  emitIpv4Header(
    {
      tos: 0,
      identification: 1,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: 64,
      protocol: PROTOCOL_UDP,
      source: ipv4Of(from),
      destination: ipv4Of(to),
      options: new Uint8Array(0),
      payloadLength: UDP_HEADER_BYTES + payloadLength,
    },
    bytes,
    ipAt,
  );
  emitUdp({ sourcePort: UDP_PORT, destinationPort: UDP_PORT, payloadLength, checksum: 0 }, bytes, udpAt);
  return bytes.u8;
}
