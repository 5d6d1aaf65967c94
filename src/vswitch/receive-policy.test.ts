// What a vNIC's policy drops, on whichever way it came, and what the sender learns of it (BIFROST §7.1).

import { describe, expect, it } from 'vitest';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { encapsulate } from '../../test/vswitch/plain-packets.ts';
import {
  frameBetween,
  type Layout,
  macOf,
  type ReceivePolicyConfig,
  vtepOf,
  withOffload,
} from '../../test/vswitch/tenants.ts';
import { worldOf } from '../../test/vswitch/world.ts';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { allocateBytes } from '../base/bytes.ts';
import { BROADCAST_MAC } from '../wire/address.ts';
import { ARP_REQUEST, emitArp } from '../wire/arp.ts';
import { ETHERTYPE_ARP, emitEthernet } from '../wire/ethernet.ts';
import { PROTOCOL_TCP } from '../wire/protocols.ts';
import { VIRTIO_NET_HDR_GSO_TCPV4 } from '../wire/virtio-net-header.ts';
import type { NativeName, PortConfig } from './config.ts';
import { ReceivePolicy } from './receive-policy.ts';

/** Tenant 2, on the second host, has the policy; 3 is beside it, 1 on the first host. */
function world(policy: ReceivePolicyConfig, changes: Partial<Layout> = {}) {
  return worldOf([{ vni: 77, reliable: true, hosts: [[1], [2, 3]], policies: { 2: policy }, ...changes }]);
}

const redisOnly: ReceivePolicyConfig = {
  accept: [{ protocols: [PROTOCOL_TCP], ports: { first: 6379, last: 6379 } }],
};
const tcp = (from: number, destinationPort: number) =>
  frameBetween(from, 2, { tcp: { destinationPort }, payload: numbered(500) });

function superFrame(destinationPort: number): Uint8Array {
  const frame = buildFrame({ tcp: { destinationPort }, payload: numbered(30_000) });
  const gsoType = VIRTIO_NET_HDR_GSO_TCPV4;
  return withOffload(frame, { flags: 1, gsoType, gsoSize: 1300, csumStart: 34, csumOffset: 16 });
}

describe('rules of a vNIC', () => {
  it('drop what comes over a connection, acknowledged like the rest, and never sent again', () => {
    const { world: all, hosts } = world(redisOnly);
    const good = [tcp(1, 6379), superFrame(6379), tcp(1, 6379)];
    hosts[0]!.send(0, good[0]!, tcp(1, 22), good[1]!, superFrame(22), good[2]!, tcp(1, 22));
    all.pass(300_000);
    expect(hosts[1]!.received[0]).toEqual(good);
    const [sender, receiver] = hosts.map(({ vswitch }) => vswitch);
    expect(receiver!.counters.dropped.notAccepted).toBe(3);
    expect(sender!.transport.counters).toMatchObject({ retransmissions: 0, marksReceived: 0, framesSent: 6 });
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it('drop what a network without reordering passes on early', () => {
    const { world: all, hosts } = world(redisOnly, { reorder: false });
    hosts[0]!.send(0, tcp(1, 22), tcp(1, 6379), superFrame(22));
    all.pass(300_000);
    expect(hosts[1]!.received[0]).toEqual([tcp(1, 6379)]);
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it('drop what comes as plain VXLAN, from a vNIC beside it, and by broadcast', () => {
    const { world: all, hosts } = world(redisOnly);
    const plain = (port: number) => encapsulate(77, tcp(1, port).subarray(10));
    for (const port of [22, 6379]) hosts[1]!.arrive({ from: vtepOf(0), slot: 0, bytes: plain(port) });
    hosts[1]!.send(1, tcp(3, 22), tcp(3, 6379));
    const toAll = { ethernet: { destination: BROADCAST_MAC }, udp: {}, payload: numbered(20) };
    hosts[0]!.send(0, frameBetween(1, 2, toAll));
    all.pass(300_000);
    expect(hosts[1]!.received[0]).toHaveLength(2);
    expect(hosts[1]!.received[1]).toEqual([frameBetween(1, 2, toAll)]);
    expect(hosts[1]!.vswitch.counters.dropped.notAccepted).toBe(3);
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it('let the switch answer questions about neighbours', () => {
    const { world: all, hosts } = world({ accept: [] });
    const bytes = allocateBytes(60);
    emitEthernet({ destination: BROADCAST_MAC, source: macOf(2), etherType: ETHERTYPE_ARP }, bytes, 0);
    const target = { targetMac: 0, targetIp: 0x0a00_0001 };
    emitArp({ operation: ARP_REQUEST, senderMac: macOf(2), senderIp: 0x0a00_0002, ...target }, bytes, 14);
    hosts[1]!.send(0, withOffload(bytes.u8));
    all.pass(1000);
    expect(hosts[1]!.received[0]).toHaveLength(1);
  });
});

describe('a rate', () => {
  const limited: PortConfig = {
    name: 'limited',
    mac: 1,
    sourceCheck: false,
    ipv4: [],
    ipv6: [],
    receiveBytesPerSecond: 20e6,
  };
  const bytes = allocateBytes(0);
  const take = (policy: ReceivePolicy, now: number, length: number) =>
    policy.reject(now, bytes, 0, length, length) === undefined;

  it('lets 100 ms of it pass at once, and then as much as it is', () => {
    const policy = new ReceivePolicy(limited, 0);
    let passed = 0;
    for (let i = 0; i < 3000; i++) if (take(policy, 0, 1000)) passed += 1000;
    expect(passed).toBe(20e6 * 0.1);
    for (let now = 0; now < 1e6; now += 10) if (take(policy, now, 1000)) passed += 1000;
    expect(passed).toBeCloseTo(20e6 * 1.1, -4);
  });

  it('lets frames of any size pass when nothing is owed, and saves no more than a burst up', () => {
    const policy = new ReceivePolicy({ ...limited, receiveBytesPerSecond: 1000 }, 0);
    for (let i = 0; i < 4; i++) expect(take(policy, 0, 65_536)).toBe(true);
    expect(take(policy, 0, 100)).toBe(false);
    const later = 1e15;
    for (let i = 0; i < 4; i++) expect(take(policy, later, 65_536)).toBe(true);
    expect(take(policy, later, 100)).toBe(false);
  });

  /** The first host offers 3.5 MB in a second to a vNIC that takes 1.25 MB; how many frames were dropped there. */
  function offered(congestion: NativeName): number {
    const { world: all, hosts } = world({ receiveBytesPerSecond: 1.25e6 }, { congestion });
    const frame = (number: number) =>
      frameBetween(1, 2, { udp: { sourcePort: 1 + number }, payload: numbered(900) });
    hosts[0]!.send(0, frame(0));
    all.pass(10_000);
    for (let i = 1; i <= 3700; i += 37) {
      hosts[0]!.send(0, ...Array.from({ length: 37 }, (_, j) => frame(i + j)));
      all.pass(10_000);
      for (const { vswitch } of hosts) checkConservation(vswitch);
    }
    all.pass(20_000_000);
    const [sender, receiver] = hosts.map(({ vswitch }) => vswitch);
    const dropped = receiver!.counters.dropped.overRate;
    expect(hosts[1]!.received[0]).toHaveLength(3701 - dropped);
    const { packetsMarked } = receiver!.transport.counters;
    expect(packetsMarked).toBeGreaterThanOrEqual(dropped);
    expect(sender!.transport.counters).toMatchObject({ marksReceived: packetsMarked, retransmissions: 0 });
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
    return dropped;
  }

  it('drops for good and says so to the sender: under Swift it slows down, and little is dropped', () => {
    const [constant, swift] = [offered('constant'), offered('swift')];
    expect(constant).toBeGreaterThan(2000);
    expect(swift).toBeLessThan(50);
  });
});
