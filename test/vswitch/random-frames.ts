// Frames as tenants send them, and as they should not: for tests that run the switch on everything.

import { allocateBytes } from '../../src/base/bytes.ts';
import { below, chance, type Rng } from '../../src/base/rng.ts';
import { BROADCAST_MAC } from '../../src/wire/address.ts';
import { ARP_REQUEST, emitArp } from '../../src/wire/arp.ts';
import { ETHERTYPE_ARP, emitEthernet } from '../../src/wire/ethernet.ts';
import {
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '../../src/wire/virtio-net-header.ts';
import { buildFrame, type FrameSpec, numbered } from '../wire/frames.ts';
import { frameBetween, ipv4Of, ipv6Of, macOf, withOffload } from './tenants.ts';

/** A frame of tenant `self`: mostly good, to anybody of its network, to nobody, or to all. */
export function randomFrame(self: number, rng: Rng): Uint8Array {
  const to = (self < 10 ? 0 : 10) + 1 + below(rng, 5);
  switch (below(rng, 10)) {
    case 0:
      return arpRequest(self, to);
    case 1:
      return superFrame(self, to, rng);
    case 2:
      return frameBetween(self, to, { ...spec(rng, 1400), ethernet: { destination: BROADCAST_MAC } });
    case 3:
      return frameBetween(self, to, { ...spec(rng, 1400), ethernet: { source: macOf(to) } });
    case 4:
      return frameBetween(self, to, { ...spec(rng, 1400), ipv4: { source: ipv4Of(99) }, ipv6: undefined! });
    case 5:
      return nested(frameBetween(self, to, spec(rng, 100)));
    case 6:
      return frameBetween(self, to, spec(rng, 40)).slice(0, below(rng, 60));
    default:
      return frameBetween(self, to, spec(rng, chance(rng, 0.1) ? 20_000 : 1400));
  }
}

function spec(rng: Rng, maxPayloadBytes: number): FrameSpec {
  const ports = { sourcePort: 1 + below(rng, 60_000), destinationPort: 1 + below(rng, 60_000) };
  const payload = numbered(below(rng, maxPayloadBytes));
  const transport = chance(rng, 0.5) ? { udp: ports } : { tcp: ports };
  const tag = chance(rng, 0.1) ? { ethernet: { vlanTci: below(rng, 4096) } } : {};
  return { ...transport, ...(chance(rng, 0.3) ? { ipv6: {} } : {}), ...tag, payload };
}

function superFrame(self: number, to: number, rng: Rng): Uint8Array {
  const isIpv6 = chance(rng, 0.3);
  const isUdp = chance(rng, 0.3);
  const ethernet = { source: macOf(self), destination: chance(rng, 0.1) ? BROADCAST_MAC : macOf(to) };
  const network = isIpv6
    ? { ipv6: { source: ipv6Of(self), destination: ipv6Of(to) } }
    : { ipv4: { source: ipv4Of(self), destination: ipv4Of(to) } };
  const transport = isUdp ? { udp: {} } : { tcp: {} };
  const payload = numbered(1 + below(rng, 60_000));
  const frame = buildFrame({ ethernet, ...network, ...transport, payload });
  const tcp = isIpv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
  return withOffload(frame, {
    flags: 1,
    gsoType: isUdp ? VIRTIO_NET_HDR_GSO_UDP_L4 : tcp,
    gsoSize: 100 + below(rng, 1260),
    csumStart: isIpv6 ? 54 : 34,
    csumOffset: isUdp ? 6 : 16,
  });
}

function arpRequest(self: number, target: number): Uint8Array {
  const bytes = allocateBytes(60);
  emitEthernet({ destination: BROADCAST_MAC, source: macOf(self), etherType: ETHERTYPE_ARP }, bytes, 0);
  const sender = { senderMac: macOf(self), senderIp: ipv4Of(self) };
  emitArp({ operation: ARP_REQUEST, ...sender, targetMac: 0, targetIp: ipv4Of(target) }, bytes, 14);
  return withOffload(bytes.u8);
}

function nested(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 22), 0x81, 0, 0, 0, 0x81, 0, 0, 0, ...frame.subarray(22));
}
