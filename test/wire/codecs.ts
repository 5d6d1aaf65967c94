// Every header format with its parse, its emit and an arbitrary for all valid representations: what the round-trip
// property and the fuzzer run over. A format that is missing here is not tested, so codecs.test.ts counts files.

import fc from 'fast-check';
import type { Bytes } from '../../src/base/bytes.ts';
import type { ArpRepr } from '../../src/wire/arp.ts';
import { ARP_REPLY, ARP_REQUEST, emitArp, parseArp } from '../../src/wire/arp.ts';
import type { AckRepr } from '../../src/wire/bifrost-ack.ts';
import { emitAck, parseAck } from '../../src/wire/bifrost-ack.ts';
import type { ConnectRepr } from '../../src/wire/bifrost-connect.ts';
import { emitConnect, parseConnect } from '../../src/wire/bifrost-connect.ts';
import type { DataHeaderRepr } from '../../src/wire/bifrost-data.ts';
import { emitDataHeader, parseDataHeader } from '../../src/wire/bifrost-data.ts';
import type { EthernetRepr } from '../../src/wire/ethernet.ts';
import { ETHERTYPE_VLAN, emitEthernet, parseEthernet } from '../../src/wire/ethernet.ts';
import type { IcmpEchoRepr } from '../../src/wire/icmp.ts';
import { emitIcmpEcho, parseIcmpEcho } from '../../src/wire/icmp.ts';
import type { NeighborRepr } from '../../src/wire/icmpv6.ts';
import { emitNeighbor, parseNeighbor } from '../../src/wire/icmpv6.ts';
import type { Ipv4Repr } from '../../src/wire/ipv4.ts';
import { emitIpv4Header, parseIpv4Header } from '../../src/wire/ipv4.ts';
import type { Ipv6Repr } from '../../src/wire/ipv6.ts';
import { emitIpv6Header, parseIpv6Header } from '../../src/wire/ipv6.ts';
import type { PauseRepr } from '../../src/wire/overlay-pause.ts';
import { emitPause, parsePause } from '../../src/wire/overlay-pause.ts';
import type { WireReject } from '../../src/wire/reject.ts';
import type { TcpRepr } from '../../src/wire/tcp.ts';
import { emitTcp, parseTcp } from '../../src/wire/tcp.ts';
import type { UdpRepr } from '../../src/wire/udp.ts';
import { emitUdp, parseUdp } from '../../src/wire/udp.ts';
import type { VirtioNetHeaderRepr } from '../../src/wire/virtio-net-header.ts';
import { emitVirtioNetHeader, parseVirtioNetHeader } from '../../src/wire/virtio-net-header.ts';
import type { VxlanRepr } from '../../src/wire/vxlan.ts';
import { emitVxlan, parseVxlan } from '../../src/wire/vxlan.ts';
import type { ZooRouteRepr } from '../../src/wire/zooroute.ts';
import { emitZooRoute, parseZooRoute } from '../../src/wire/zooroute.ts';

export interface Codec<Repr = unknown> {
  readonly name: string;
  readonly valid: fc.Arbitrary<Repr>;
  readonly parse: (bytes: Bytes, at: number, length: number) => Repr | WireReject;
  readonly emit: (repr: Repr, bytes: Bytes, at: number) => number;
  /** Bytes behind the header that it promises and parse insists on. */
  readonly trailing: (repr: Repr) => number;
}

function codec<Repr>(
  name: string,
  valid: fc.Arbitrary<Repr>,
  parse: Codec<Repr>['parse'],
  emit: Codec<Repr>['emit'],
  trailing: (repr: Repr) => number = () => 0,
): Codec {
  return { name, valid, parse, emit, trailing } as Codec<Repr> as unknown as Codec;
}

const bits = (n: number) => fc.integer({ min: 0, max: 2 ** n - 1 });
const u8 = bits(8);
const u16 = bits(16);
const u32 = bits(32);
const cid = fc.integer({ min: 1, max: 2 ** 32 - 1 });
export const mac = bits(48);
export const ipv6Address = fc.tuple(u32, u32, u32, u32);
const options = fc
  .integer({ min: 0, max: 10 })
  .chain((words) => fc.uint8Array({ minLength: 4 * words, maxLength: 4 * words }));

const ethernet: fc.Arbitrary<EthernetRepr> = fc.record(
  {
    destination: mac,
    source: mac,
    vlanTci: u16,
    etherType: u16.filter((etherType) => etherType !== ETHERTYPE_VLAN),
  },
  { requiredKeys: ['destination', 'source', 'etherType'] },
);

const arp: fc.Arbitrary<ArpRepr> = fc.record({
  operation: fc.constantFrom(ARP_REQUEST, ARP_REPLY),
  senderMac: mac,
  senderIp: u32,
  targetMac: mac,
  targetIp: u32,
});

const ipv4: fc.Arbitrary<Ipv4Repr> = fc.record({
  tos: u8,
  identification: u16,
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffset: bits(13),
  ttl: u8,
  protocol: u8,
  source: u32,
  destination: u32,
  options,
  payloadLength: bits(11),
});

/** Next headers that end the chain at once: TCP, UDP, ICMPv6, ESP, none. */
const ipv6: fc.Arbitrary<Ipv6Repr> = fc.record({
  trafficClass: u8,
  flowLabel: bits(20),
  nextHeader: fc.constantFrom(6, 17, 58, 50, 59),
  hopLimit: u8,
  source: ipv6Address,
  destination: ipv6Address,
  payloadLength: bits(11),
});

const tcp: fc.Arbitrary<TcpRepr> = fc.record({
  sourcePort: u16,
  destinationPort: u16,
  sequence: u32,
  acknowledgment: u32,
  flags: u8,
  window: u16,
  checksum: u16,
  urgentPointer: u16,
  options,
});

const udp: fc.Arbitrary<UdpRepr> = fc.record({
  sourcePort: u16,
  destinationPort: u16,
  payloadLength: bits(11),
  checksum: u16,
});

const echo: fc.Arbitrary<IcmpEchoRepr> = fc.record({
  type: fc.constantFrom(8 as const, 0 as const),
  identifier: u16,
  sequence: u16,
  data: fc.uint8Array({ maxLength: 60 }),
});

const unicastIpv6 = ipv6Address.filter((address) => address[0] >>> 24 !== 0xff);
const neighbor: fc.Arbitrary<NeighborRepr> = fc.oneof(
  fc.record(
    { kind: fc.constant('solicitation' as const), target: unicastIpv6, linkLayer: mac },
    { requiredKeys: ['kind', 'target'] },
  ),
  fc.record(
    {
      kind: fc.constant('advertisement' as const),
      isRouter: fc.boolean(),
      isSolicited: fc.boolean(),
      isOverride: fc.boolean(),
      target: unicastIpv6,
      linkLayer: mac,
    },
    { requiredKeys: ['kind', 'isRouter', 'isSolicited', 'isOverride', 'target'] },
  ),
);

const FRAME_BYTES = 2000;
const virtioNet: fc.Arbitrary<VirtioNetHeaderRepr> = fc.oneof(
  fc.record({
    flags: fc.constantFrom(0, 1, 2),
    gsoType: fc.constant(0),
    hdrLen: fc.integer({ min: 0, max: FRAME_BYTES }),
    gsoSize: u16,
    csumStart: fc.integer({ min: 0, max: FRAME_BYTES - 50 }),
    csumOffset: fc.integer({ min: 0, max: 48 }),
  }),
  fc.record({
    flags: fc.constant(1),
    gsoType: fc.constantFrom(1, 4, 5, 0x81, 0x84),
    hdrLen: fc.integer({ min: 0, max: FRAME_BYTES }),
    gsoSize: fc.integer({ min: 1, max: 0xffff }),
    csumStart: fc.integer({ min: 0, max: FRAME_BYTES - 50 }),
    csumOffset: fc.integer({ min: 0, max: 48 }),
  }),
);

const vxlan: fc.Arbitrary<VxlanRepr> = fc.record({
  carries: fc.constantFrom('ethernet' as const, 'bifrost' as const),
  vni: bits(24),
});

const data: fc.Arbitrary<DataHeaderRepr> = fc.record({
  ccType: bits(4),
  flags: u16.map((flags) => flags & 0xf8c0),
  pathId: bits(3),
  psn: u32,
  destinationCid: u32,
  timestampMicros: u32,
});

const connectFields = {
  version: fc.integer({ min: 1, max: 15 }),
  ccType: bits(4),
  threadId: u8,
  features: u8,
};
const connect: fc.Arbitrary<ConnectRepr> = fc.oneof(
  fc.record({
    type: fc.constant(3 as const),
    ...connectFields,
    localCid: cid,
    destinationCid: u32,
    sourceMac: mac,
    destinationMac: mac,
  }),
  fc.record({
    type: fc.constant(4 as const),
    ...connectFields,
    localCid: cid,
    destinationCid: cid,
    sourceMac: mac,
    destinationMac: mac,
  }),
  fc.record({
    type: fc.constantFrom(5 as const, 6 as const),
    ...connectFields,
    localCid: u32,
    destinationCid: cid,
  }),
);

const ack: fc.Arbitrary<AckRepr> = fc.record({
  ccType: bits(4),
  isSpecial: fc.boolean(),
  pathId: bits(3),
  hopCount: bits(4),
  ackValue: bits(5),
  ackType: bits(1),
  psn: u32,
  destinationCid: u32,
  timestampMicros: u32,
  echoMicros: u32,
  nicRxMicros: u32,
  numAck: bits(11),
  numEce: bits(11),
  psnBase: u32,
  bitmap: fc.uint32Array({ maxLength: 8 }),
});

const flowTail = (family: number) =>
  fc.tuple(u8, bits(12)).map(([protocol, vlanId]) => (family << 24) | (protocol << 16) | vlanId);
const flowKey: fc.Arbitrary<number[]> = fc.oneof(
  fc
    .tuple(u32, u32, u32, flowTail(4))
    .map(([source, destination, ports, tail]) => [source, 0, 0, 0, destination, 0, 0, 0, ports, tail]),
  fc
    .tuple(fc.array(u32, { minLength: 9, maxLength: 9 }), flowTail(6))
    .map(([words, tail]) => [...words, tail]),
  fc
    .tuple(u16, u32, u16, u32, u16, flowTail(0))
    .map(([high, low, highTo, lowTo, etherType, tail]) => [
      high,
      low,
      0,
      0,
      highTo,
      lowTo,
      0,
      0,
      etherType,
      tail,
    ]),
);
const pause: fc.Arbitrary<PauseRepr> = fc.record({
  ccType: bits(4),
  sequence: u32,
  destinationCid: cid,
  pauseMicros: u16,
  rateBytesPerSecond: fc.oneof(
    fc.constant(Number.POSITIVE_INFINITY),
    fc.integer({ min: 0, max: 2 ** 32 - 2 }).map((kilobits) => kilobits * 125),
  ),
  key: fc.tuple(flowKey, u32).map(([words, nativeFlow]) => Uint32Array.of(...words, nativeFlow)),
});

const zooRouteFields = {
  modes: bits(4),
  role: bits(4),
  ctl: u8,
  isLast: fc.boolean(),
  sequence: u32,
  source: ipv6Address,
  backend: mac,
};
const zooRoute: fc.Arbitrary<ZooRouteRepr> = fc.oneof(
  fc.record({
    type: fc.constantFrom(0x11, 0x18),
    version: fc.integer({ min: 1, max: 255 }),
    ...zooRouteFields,
    body: fc.uint8Array({ maxLength: 60 }),
  }),
  fc.record({
    type: fc.constantFrom(0x7e, 0x7f),
    version: fc.constant(1),
    ...zooRouteFields,
    body: fc.uint8Array({ maxLength: 60 }),
  }),
  fc.record({
    type: fc.constant(0x05),
    version: fc.constant(1),
    ...zooRouteFields,
    body: fc
      .integer({ min: 0, max: 20 })
      .chain((records) => fc.uint8Array({ minLength: 12 * records, maxLength: 12 * records })),
  }),
);

export const codecs: readonly Codec[] = [
  codec('ethernet', ethernet, parseEthernet, emitEthernet),
  codec('arp', arp, parseArp, emitArp),
  codec('ipv4', ipv4, parseIpv4Header, emitIpv4Header, (repr) => repr.payloadLength),
  codec('ipv6', ipv6, parseIpv6Header, emitIpv6Header, (repr) => repr.payloadLength),
  codec('tcp', tcp, parseTcp, emitTcp),
  codec('udp', udp, parseUdp, emitUdp, (repr) => repr.payloadLength),
  codec('icmp', echo, parseIcmpEcho, emitIcmpEcho),
  codec('icmpv6', neighbor, parseNeighbor, emitNeighbor),
  codec('virtio-net-header', virtioNet, parseVirtioNetHeader, emitVirtioNetHeader, () => FRAME_BYTES),
  codec('vxlan', vxlan, parseVxlan, emitVxlan),
  codec('bifrost-data', data, parseDataHeader, emitDataHeader),
  codec('bifrost-connect', connect, parseConnect, emitConnect),
  codec('bifrost-ack', ack, parseAck, emitAck),
  codec('overlay-pause', pause, parsePause, emitPause),
  codec('zooroute', zooRoute, parseZooRoute, emitZooRoute),
];
