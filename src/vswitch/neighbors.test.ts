// ARP and neighbour discovery: the switch answers for everybody it knows, on this host and on others, and nothing
// crosses the underlay; what it does not know is flooded.

import { expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { ipv4Of, ipv6Of, type Layout, macOf, withOffload } from '../../test/vswitch/tenants.ts';
import { worldOf } from '../../test/vswitch/world.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import { BROADCAST_MAC, type Ipv4Address, type Ipv6Address, type Mac } from '../wire/address.ts';
import { ARP_REPLY, ARP_REQUEST, emitArp, parseArp } from '../wire/arp.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IPV6, emitEthernet, parseEthernet } from '../wire/ethernet.ts';
import {
  completeIcmpv6Checksum,
  emitNeighbor,
  isIcmpv6ChecksumRight,
  parseNeighbor,
} from '../wire/icmpv6.ts';
import { emitIpv6Header, IPV6_ADDRESSES, parseIpv6Header } from '../wire/ipv6.ts';
import { PROTOCOL_ICMPV6 } from '../wire/protocols.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1, 3], [2]] };

function arpRequest(target: Ipv4Address, options: { vlanTci?: number; senderIp?: Ipv4Address } = {}) {
  const bytes = allocateBytes(100);
  const { senderIp = ipv4Of(1), ...tag } = options;
  const ethernet = { destination: BROADCAST_MAC, source: macOf(1), etherType: ETHERTYPE_ARP, ...tag };
  const at = emitEthernet(ethernet, bytes, 0);
  const request = { operation: ARP_REQUEST, senderMac: macOf(1), senderIp, targetMac: 0, targetIp: target };
  return withOffload(bytes.u8.slice(0, at + emitArp({ ...request, operation: ARP_REQUEST }, bytes, at)));
}

function solicitation(target: Ipv6Address, source = ipv6Of(1), destinationMac: Mac = 0x3333_ff00_0000) {
  const bytes = allocateBytes(100);
  emitEthernet({ destination: destinationMac, source: macOf(1), etherType: ETHERTYPE_IPV6 }, bytes, 0);
  const isProbe = source.every((word) => word === 0);
  const linkLayer = isProbe ? {} : { linkLayer: macOf(1) };
  const length = emitNeighbor({ kind: 'solicitation', target, ...linkLayer }, bytes, 54);
  const ip = {
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: PROTOCOL_ICMPV6,
    hopLimit: 255,
    source,
    destination: [0xff02_0000, 0, 1, (0xff00_0000 | (target[3] & 0xff_ffff)) >>> 0] as const,
    payloadLength: length,
  };
  emitIpv6Header(ip, bytes, 14);
  completeIcmpv6Checksum(bytes, 14 + IPV6_ADDRESSES, 54, length);
  return withOffload(bytes.u8.slice(0, 54 + length));
}

/** Everything that happens when tenant 1 sends a frame. */
function ask(frame: Uint8Array) {
  const { world, hosts } = worldOf([layout]);
  hosts[0]!.send(0, frame);
  world.pass(300_000);
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  const [mine, local] = hosts[0]!.received;
  return {
    answers: mine!,
    flooded: [...local!, ...hosts[1]!.received[0]!],
    packets: world.packets.length,
    answered: hosts[0]!.vswitch.counters.answered,
  };
}

/** The answer behind its virtio_net_hdr, of which nothing is to be done. */
function bare(answers: readonly Uint8Array[]): Uint8Array {
  expect(answers.length).toBe(1);
  expect([...answers[0]!.subarray(0, 10)]).toEqual(new Array(10).fill(0));
  return answers[0]!.slice(10);
}

it.for([
  ['on another host', 2],
  ['on this host', 3],
] as const)('ARP for a tenant %s is answered', ([, tenant]) => {
  const { answers, flooded, packets, answered } = ask(arpRequest(ipv4Of(tenant)));
  const answer = bytesOf(bare(answers));
  expect(parseEthernet(answer, 0, 42)).toMatchObject({ destination: macOf(1), source: macOf(tenant) });
  expect(parseArp(answer, 14, 28)).toEqual({
    operation: ARP_REPLY,
    senderMac: macOf(tenant),
    senderIp: ipv4Of(tenant),
    targetMac: macOf(1),
    targetIp: ipv4Of(1),
  });
  expect({ flooded, packets, answered }).toEqual({ flooded: [], packets: 0, answered: 1 });
});

it.for([
  ['on another host', 2],
  ['on this host', 3],
] as const)('a solicitation for a tenant %s is answered', ([, tenant]) => {
  const { answers, flooded, packets } = ask(solicitation(ipv6Of(tenant)));
  const answer = bytesOf(bare(answers));
  expect(parseEthernet(answer, 0, 86)).toMatchObject({ destination: macOf(1), source: macOf(tenant) });
  expect(parseIpv6Header(answer, 14, 72)).toMatchObject({
    source: ipv6Of(tenant),
    destination: ipv6Of(1),
    hopLimit: 255,
  });
  expect(parseNeighbor(answer, 54, 32)).toEqual({
    kind: 'advertisement',
    isRouter: false,
    isSolicited: true,
    isOverride: true,
    target: ipv6Of(tenant),
    linkLayer: macOf(tenant),
  });
  expect(isIcmpv6ChecksumRight(answer, 14 + IPV6_ADDRESSES, 54, 32)).toBe(true);
  expect({ flooded, packets }).toEqual({ flooded: [], packets: 0 });
});

it('a tagged question gets a tagged answer', () => {
  const { answers } = ask(arpRequest(ipv4Of(2), { vlanTci: 5 }));
  const answer = bare(answers);
  expect(parseEthernet(bytesOf(answer), 0, answer.length)).toMatchObject({ vlanTci: 5 });
});

it('a tenant that checks whether an address is taken hears that it is', () => {
  expect(ask(arpRequest(ipv4Of(2), { senderIp: 0 })).answers.length).toBe(1);
  expect(ask(solicitation(ipv6Of(2), [0, 0, 0, 0])).answers.length).toBe(1);
});

it('a tenant that asks for its own address hears nothing, so that it may take it', () => {
  for (const question of [arpRequest(ipv4Of(1), { senderIp: 0 }), solicitation(ipv6Of(1), [0, 0, 0, 0])]) {
    const { answers, answered } = ask(question);
    expect({ answers, answered }).toEqual({ answers: [], answered: 0 });
  }
});

it('a question about somebody unknown is flooded', () => {
  for (const question of [arpRequest(ipv4Of(99)), solicitation(ipv6Of(99))]) {
    const { answers, flooded } = ask(question);
    expect({ answers, flooded }).toEqual({ answers: [], flooded: [question, question] });
  }
});

it('a solicitation whose checksum is wrong is not answered', () => {
  const question = solicitation(ipv6Of(2));
  question[10 + 54 + 3]! ^= 1;
  expect(ask(question).answers).toEqual([]);
});

it('a question to a known tenant alone goes there, so that it answers for itself', () => {
  const { answers, flooded } = ask(solicitation(ipv6Of(2), ipv6Of(1), macOf(2)));
  expect(answers).toEqual([]);
  expect(flooded.length).toBe(1);
});

it('a question to a MAC that nobody has is answered', () => {
  expect(ask(solicitation(ipv6Of(2), ipv6Of(1), macOf(9))).answers.length).toBe(1);
});
