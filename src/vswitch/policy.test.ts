// Nothing leaves a vNIC under another's name, whichever way it is tried; and what is a tenant's own right does.

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import {
  frameBetween,
  ipv4Of,
  ipv6Of,
  type Layout,
  macOf,
  type Offload,
  withOffload,
} from '../../test/vswitch/tenants.ts';
import { worldOf } from '../../test/vswitch/world.ts';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { allocateBytes } from '../base/bytes.ts';
import { BROADCAST_MAC, type Ipv6Address, type Mac } from '../wire/address.ts';
import { ARP_REPLY, ARP_REQUEST, type ArpRepr, emitArp } from '../wire/arp.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IPV6, ETHERTYPE_VLAN, emitEthernet } from '../wire/ethernet.ts';
import { completeIcmpv6Checksum, emitNeighbor, type NeighborRepr } from '../wire/icmpv6.ts';
import { emitIpv6Header, IPV6_ADDRESSES } from '../wire/ipv6.ts';
import { PROTOCOL_ICMPV6 } from '../wire/protocols.ts';
import type { FrameDropReason } from './drops.ts';

/** Tenant 1 misbehaves; 2 is on another host, 3 on the same one. */
const network: Layout = { vni: 77, reliable: true, hosts: [[1, 3], [2]] };
const LINK_LOCAL: Ipv6Address = [0xfe80_0000, 0, 0x1234, 5];

/** What became of frames that tenant 1 sent. */
function fate(frames: readonly Uint8Array[], sourceCheck = true) {
  const { world, hosts } = worldOf([network], { sourceCheck });
  hosts[0]!.send(0, ...frames);
  world.pass(300_000);
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  const { dropped } = hosts[0]!.vswitch.counters;
  const reasons = Object.entries(dropped).flatMap(([reason, count]) => (count > 0 ? [reason] : []));
  const arrived = hosts[1]!.received[0]!.length + hosts[0]!.received[1]!.length;
  return { reasons, arrived };
}

const udp = { udp: {}, payload: numbered(100) };

function arp(fields: Partial<ArpRepr>, ethernetSource = macOf(1)): Uint8Array {
  const bytes = allocateBytes(60);
  emitEthernet({ destination: BROADCAST_MAC, source: ethernetSource, etherType: ETHERTYPE_ARP }, bytes, 0);
  const request = {
    operation: ARP_REQUEST,
    senderMac: macOf(1),
    senderIp: ipv4Of(1),
    targetMac: 0,
    targetIp: ipv4Of(77),
  } as const;
  emitArp({ ...request, ...fields }, bytes, 14);
  return withOffload(bytes.u8);
}

interface NeighborFrame {
  readonly source?: Ipv6Address;
  readonly ethernetSource?: Mac;
  readonly destination?: Mac;
  readonly offload?: Offload;
}

function neighbor(message: NeighborRepr, options: NeighborFrame = {}): Uint8Array {
  const { source = ipv6Of(1), ethernetSource = macOf(1), destination = macOf(2), offload = {} } = options;
  const bytes = allocateBytes(200);
  emitEthernet({ destination, source: ethernetSource, etherType: ETHERTYPE_IPV6 }, bytes, 0);
  const length = emitNeighbor(message, bytes, 54);
  const ip = {
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: PROTOCOL_ICMPV6,
    hopLimit: 255,
    source,
    destination: ipv6Of(2),
    payloadLength: length,
  };
  emitIpv6Header(ip, bytes, 14);
  completeIcmpv6Checksum(bytes, 14 + IPV6_ADDRESSES, 54, length);
  return withOffload(bytes.u8.slice(0, 54 + length), offload);
}

const advertisement = {
  kind: 'advertisement',
  isRouter: false,
  isSolicited: false,
  isOverride: true,
} as const;

/** The frame with another tag around it, of this EtherType and VLAN 0. */
function tagged(frame: Uint8Array, etherType: number): Uint8Array {
  const tag = [etherType >> 8, etherType & 255, 0, 0];
  return Uint8Array.of(...frame.subarray(0, 22), ...tag, ...frame.subarray(22));
}

/** A frame whose checksum is to be stored over an address. */
function storedAt(frame: Uint8Array, csumStart: number, field: number): Uint8Array {
  return withOffload(frame.subarray(10), { flags: 1, csumStart, csumOffset: field - csumStart });
}

const stolenIp = frameBetween(1, 2, { ...udp, ipv4: { source: ipv4Of(3) } });

describe('a tenant cannot send', () => {
  const cases: [string, Uint8Array, FrameDropReason][] = [
    ['from another MAC', frameBetween(1, 2, { ...udp, ethernet: { source: macOf(3) } }), 'spoofedMac'],
    ['from a group MAC', frameBetween(1, 2, { ...udp, ethernet: { source: BROADCAST_MAC } }), 'spoofedMac'],
    ['from another IPv4 address', stolenIp, 'spoofedAddress'],
    [
      'from another IPv4 address, tagged',
      frameBetween(1, 2, { ...udp, ethernet: { vlanTci: 0 }, ipv4: { source: ipv4Of(3) } }),
      'spoofedAddress',
    ],
    [
      'from another IPv4 address, a broadcast',
      frameBetween(1, 2, { ...udp, ethernet: { destination: BROADCAST_MAC }, ipv4: { source: ipv4Of(2) } }),
      'spoofedAddress',
    ],
    [
      'from another IPv6 address',
      frameBetween(1, 2, { ...udp, ipv6: { source: ipv6Of(3) } }),
      'spoofedAddress',
    ],
    ['behind two tags', tagged(tagged(stolenIp, ETHERTYPE_VLAN), ETHERTYPE_VLAN), 'nestedTag'],
    ['behind a service tag', tagged(stolenIp, 0x88a8), 'nestedTag'],
    ['behind a service tag and another', tagged(tagged(stolenIp, ETHERTYPE_VLAN), 0x88a8), 'nestedTag'],
    ['an ARP request for another', arp({ senderIp: ipv4Of(3) }), 'spoofedAddress'],
    ['an ARP reply for another', arp({ operation: ARP_REPLY, senderIp: ipv4Of(2) }), 'spoofedAddress'],
    ['an ARP request with another MAC', arp({ senderMac: macOf(3) }), 'spoofedMac'],
    ['an ARP request from another MAC', arp({}, macOf(3)), 'spoofedMac'],
    ['an ARP message of another kind', arp({ operation: 3 as typeof ARP_REQUEST }), 'malformedFrame'],
    [
      'an advertisement of another’s address',
      neighbor({ ...advertisement, target: ipv6Of(3), linkLayer: macOf(1) }),
      'spoofedAddress',
    ],
    [
      'an advertisement of another’s address from a link-local one',
      neighbor({ ...advertisement, target: ipv6Of(3), linkLayer: macOf(1) }, { source: LINK_LOCAL }),
      'spoofedAddress',
    ],
    [
      'an advertisement of another’s address from none',
      neighbor({ ...advertisement, target: ipv6Of(3) }, { source: [0, 0, 0, 0] }),
      'spoofedAddress',
    ],
    [
      'an advertisement with another’s MAC',
      neighbor({ ...advertisement, target: ipv6Of(1), linkLayer: macOf(3) }),
      'spoofedMac',
    ],
    [
      'a solicitation with another’s MAC',
      neighbor({ kind: 'solicitation', target: ipv6Of(2), linkLayer: macOf(3) }),
      'spoofedMac',
    ],
    // What the checksum comes to can be chosen: these would become another address behind the check.
    ['a checksum over its source address', storedAt(frameBetween(1, 2, udp), 14, 28), 'malformedFrame'],
    ['a checksum over its source MAC', storedAt(frameBetween(1, 2, udp), 0, 10), 'malformedFrame'],
    ['a checksum over an ARP sender', storedAt(arp({}), 14, 28), 'malformedFrame'],
    [
      'a checksum over the target of an advertisement',
      neighbor(
        { ...advertisement, target: ipv6Of(1) },
        { offload: { flags: 1, csumStart: 54, csumOffset: 22 } },
      ),
      'malformedFrame',
    ],
    [
      'a checksum over its source address, tagged',
      storedAt(frameBetween(1, 2, { ...udp, ethernet: { vlanTci: 5 } }), 18, 32),
      'malformedFrame',
    ],
  ];

  it.for(cases)('%s', ([, frame, reason]) => {
    expect(fate([frame])).toEqual({ reasons: [reason], arrived: 0 });
  });
});

describe('a tenant may send', () => {
  const cases: [string, Uint8Array][] = [
    ['from its addresses', frameBetween(1, 2, udp)],
    ['from its IPv6 address', frameBetween(1, 2, { ...udp, ipv6: {} })],
    ['tagged', frameBetween(1, 2, { ...udp, ethernet: { vlanTci: 0x6fff } })],
    ['from a link-local address', frameBetween(1, 2, { ...udp, ipv6: { source: LINK_LOCAL } })],
    ['other protocols', frameBetween(1, 2, { ...udp, ethernet: { etherType: 0x88cc } })],
    [
      'with a checksum to be completed',
      withOffload(buildFrame({ tcp: {}, payload: numbered(9) }), {
        flags: 1,
        csumStart: 34,
        csumOffset: 16,
      }),
    ],
    [
      'with the checksum of something inside to be completed',
      withOffload(buildFrame({ udp: {}, payload: numbered(99) }), {
        flags: 1,
        csumStart: 70,
        csumOffset: 16,
      }),
    ],
    [
      'an advertisement of its address',
      neighbor({ ...advertisement, target: ipv6Of(1), linkLayer: macOf(1) }),
    ],
    ['an advertisement of a link-local address', neighbor({ ...advertisement, target: LINK_LOCAL })],
    ['a solicitation', neighbor({ kind: 'solicitation', target: ipv6Of(77), linkLayer: macOf(1) })],
    [
      'a check whether an address is taken',
      neighbor({ kind: 'solicitation', target: ipv6Of(77) }, { source: [0, 0, 0, 0] }),
    ],
    ['an ARP request', arp({})],
    ['an ARP probe', arp({ senderIp: 0 })],
    ['a gratuitous ARP', arp({ targetIp: ipv4Of(1) })],
  ];

  it.for(cases)('%s', ([, frame]) => {
    const { reasons, arrived } = fate([frame]);
    expect(reasons).toEqual([]);
    expect(arrived).toBeGreaterThanOrEqual(1);
  });
});

it('a tenant whose sources are not checked may send what it likes', () => {
  const frames = [
    frameBetween(1, 2, { ...udp, ethernet: { source: macOf(9) } }),
    stolenIp,
    frameBetween(1, 2, { ...udp, ipv6: { source: ipv6Of(9) } }),
    tagged(tagged(stolenIp, ETHERTYPE_VLAN), ETHERTYPE_VLAN),
  ];
  expect(fate(frames, false)).toEqual({ reasons: [], arrived: frames.length });
});
