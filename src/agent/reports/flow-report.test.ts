// What a switch says of its connections and paths, held against what happened to it, in virtual time; and the filters.

import { describe, expect, it } from 'vitest';
import { configOf, frameBetween, type Layout, macOf, vtepOf } from '../../../test/vswitch/tenants.ts';
import { type WorldHost, worldOf } from '../../../test/vswitch/world.ts';
import { numbered } from '../../../test/wire/frames.ts';
import { SLOTS } from '../../paths/path-table.ts';
import { formatHostAddress, formatMac } from '../../wire/address.ts';
import { filteredFlows, filteredPaths } from './filters.ts';
import { type FlowReport, flowPage } from './flow-report.ts';
import { connectionStatusOf, flowStatusOf, pathStatusOf } from './flow-status.ts';
import { pathPage, type ThreadPathReport } from './path-report.ts';
import type { FlowStatus } from './status.ts';
import { reportOf } from './switch-report.ts';

const VNI = 77;
/** Tenant 1 here, and so many on each of ten other hosts. */
const LAYOUT: Layout = {
  vni: VNI,
  reliable: true,
  hosts: [[1], ...Array.from({ length: 10 }, (_, host) => [0, 1, 2, 3, 4].map((i) => 10 * (host + 1) + i))],
};
const PAIR: Layout = { vni: VNI, reliable: true, hosts: [[1], [2]] };

function frame(to: number, payloadBytes = 100, from = 1): Uint8Array {
  return frameBetween(from, to, { udp: {}, payload: numbered(payloadBytes) });
}

/** All pages, and how many there were. */
function flowsOf({ vswitch }: WorldHost, now: number): { flows: FlowReport[]; pages: number } {
  const flows: FlowReport[] = [];
  let pages = 0;
  for (let from: number | undefined = 0; from !== undefined; pages++) {
    const page = flowPage(vswitch, from, now);
    flows.push(...page.flows);
    from = page.next;
  }
  return { flows, pages };
}

function pathsOf({ vswitch }: WorldHost, now: number): { paths: ThreadPathReport[]; pages: number } {
  const paths: ThreadPathReport[] = [];
  let pages = 0;
  for (let from: number | undefined = 0; from !== undefined; pages++) {
    const page = pathPage(vswitch, from, now);
    paths.push(...page.paths.map((path) => ({ ...path, thread: 0 })));
    from = page.next;
  }
  return { paths, pages };
}

describe('connections', () => {
  it('are told of in pages, each once', () => {
    const { world, hosts } = worldOf([LAYOUT]);
    const tenants = LAYOUT.hosts.slice(1).flat();
    hosts[0]!.send(0, ...tenants.map((tenant) => frame(tenant)));
    world.pass(100_000);
    const { flows, pages } = flowsOf(hosts[0]!, world.clock.nowMicros);
    expect(pages).toBe(4);
    expect(flows.map(({ remoteMac }) => remoteMac).sort()).toEqual(tenants.map(macOf).sort());
    expect(new Set(flows.map(({ cid }) => cid)).size).toBe(tenants.length);
    expect(Object.keys(reportOf(hosts[0]!.vswitch)), 'not of everything at once').toEqual([
      'counters',
      'dropped',
      'peers',
    ]);
    const { paths, pages: pathPages } = pathsOf(hosts[0]!, world.clock.nowMicros);
    expect(pathPages).toBe(2);
    expect(paths.map(({ peer, slot }) => peer * 8 + slot)).toEqual(Array.from({ length: 80 }, (_, i) => i));
  });

  it('say nothing where there are none', () => {
    const { world, hosts } = worldOf([PAIR]);
    expect(flowPage(hosts[0]!.vswitch, 0, world.clock.nowMicros)).toEqual({ flows: [], next: undefined });
  });

  it('say what was sent, received and lost, at both ends', () => {
    const { world, hosts } = worldOf([PAIR]);
    let lost = 0;
    world.loses = ({ from, bytes }) => from === vtepOf(0) && bytes.length > 1000 && ++lost % 50 === 7;
    for (let i = 0; i < 20; i++) {
      hosts[0]!.send(0, ...Array.from({ length: 10 }, () => frame(2, 20_000)));
      hosts[1]!.send(0, frame(1, 100, 2));
      world.pass(10_000);
    }
    world.pass(100_000);
    const [one, two] = hosts.map((host) => flowStatusOf(flowsOf(host, world.clock.nowMicros).flows[0]!)) as [
      FlowStatus,
      FlowStatus,
    ];
    expect(one).toMatchObject({
      vni: VNI,
      localMac: formatMac(macOf(1)),
      remoteMac: formatMac(macOf(2)),
      vtep: formatHostAddress(vtepOf(1)),
      state: 'established',
      congestion: 'constant',
      ccType: 0,
      remoteCid: two.cid,
      sent: { frames: 200 },
      received: { frames: 20, packets: 20 },
      window: { packets: 0, limit: 512 },
      inFlightBytes: 0,
      outOfOrder: { packets: 0, depth: 0, most: 0 },
    });
    const losses = Math.floor((lost + 43) / 50);
    const { gap, time, timeout } = one.lost;
    expect(losses).toBeGreaterThan(20);
    expect(one.resent).toBe(losses + two.duplicates);
    expect(gap + time + timeout).toBeGreaterThanOrEqual(one.resent);
    expect(one.sent.packets).toBe(two.received.packets + one.resent);
    expect(one.sent.bytes).toBeGreaterThan(two.received.bytes);
    expect(two.outOfOrder.packets).toBeGreaterThan(losses);
    expect(two.outOfOrder.most).toBeGreaterThan(1);
    expect([one.psn.una, one.psn.transmit, one.psn.next]).toEqual(new Array(3).fill(two.psn.base));
    expect(one.slots).toHaveLength(8);
    expect(one.slots.filter(({ sprayed }) => sprayed)).toHaveLength(4);
    expect(one.slots[0]).toMatchObject({ cwndBytes: 512 * 1448, inFlightPackets: 0, state: 'healthy' });
  });

  it('are in the status, with why there is none', () => {
    const { world, hosts } = worldOf([PAIR]);
    const look = () => connectionStatusOf(flowsOf(hosts[0]!, world.clock.nowMicros).flows[0]!);
    hosts[0]!.send(0, frame(2));
    world.pass(50_000);
    expect(look()).toEqual({
      vni: VNI,
      localMac: formatMac(macOf(1)),
      remoteMac: formatMac(macOf(2)),
      vtep: formatHostAddress(vtepOf(1)),
      thread: 0,
      remoteThread: 0,
      state: 'established',
      packetsInFlight: 0,
    });
    world.loses = () => true;
    hosts[0]!.send(0, frame(2), frame(2));
    world.pass(100);
    expect(look().packetsInFlight).toBe(2);
    world.loses = () => false;
    world.pass(50_000);
    hosts[1]!.vswitch.stop(world.clock.nowMicros);
    world.pass(50_000);
    expect(look()).toMatchObject({ because: 'the other agent stopped' });
  });

  it('say what waits, and how far ahead of the first missing packet the newest is', () => {
    const { world, hosts } = worldOf([PAIR]);
    hosts[0]!.send(0, frame(2));
    world.pass(50_000);
    let first: string | undefined;
    world.loses = ({ from, bytes }) => {
      if (from !== vtepOf(0) || bytes.length < 1000) return false;
      const psn = `${bytes.subarray(16, 20)}`;
      first ??= psn;
      return psn === first;
    };
    hosts[0]!.send(0, ...Array.from({ length: 50 }, () => frame(2, 40_000)));
    world.pass(20_000);
    const now = world.clock.nowMicros;
    const one = flowStatusOf(flowsOf(hosts[0]!, now).flows[0]!);
    const two = flowStatusOf(flowsOf(hosts[1]!, now).flows[0]!);
    expect(one.waiting.frames).toBeGreaterThan(20);
    expect(one.waiting.bytes).toBeGreaterThan(20 * 40_000);
    expect(one.window.packets).toBeGreaterThan(450);
    expect(one.psn.next - one.psn.una).toBe(one.window.packets);
    expect(two.psn.base).toBe(one.psn.una);
    expect(two.outOfOrder).toMatchObject({ depth: two.psn.end - two.psn.base });
    expect(two.outOfOrder.depth).toBeGreaterThan(450);
    expect(two.outOfOrder.most).toBe(two.outOfOrder.depth - 1);
    expect(one.lost.timeout).toBeGreaterThan(0);
  });

  it('say which frames were dropped for want of room, in front of one and behind the other', () => {
    const { world, hosts } = worldOf([PAIR], { pauses: false });
    world.loses = () => true;
    // So many wait while the connection is being opened.
    hosts[0]!.send(0, ...Array.from({ length: 64 + 9 }, () => frame(2)));
    world.pass(3000);
    const one = flowStatusOf(flowsOf(hosts[0]!, world.clock.nowMicros).flows[0]!);
    expect(one).toMatchObject({ state: 'requested', remoteCid: undefined, heardSecondsAgo: undefined });
    expect(one).toMatchObject({ waiting: { frames: 64 }, dropped: { queueFull: 9, vnicFull: 0 } });
    world.loses = () => false;
    hosts[1]!.vnics[0]!.room = 0;
    for (let i = 0; i < 30; i++) {
      hosts[0]!.send(0, ...Array.from({ length: 20 }, () => frame(2, 20_000)));
      world.pass(10_000);
    }
    const two = flowStatusOf(flowsOf(hosts[1]!, world.clock.nowMicros).flows[0]!);
    expect(two.dropped['vnicFull']).toBe(hosts[1]!.vswitch.counters.dropped.vnicFull);
    expect(two.dropped['vnicFull']).toBeGreaterThan(0);
  });

  it('keep their figures at rest, and when they are begun anew', () => {
    const { world, hosts } = worldOf([PAIR]);
    hosts[0]!.send(0, frame(2), frame(2));
    world.pass(50_000);
    const look = () => flowStatusOf(flowsOf(hosts[0]!, world.clock.nowMicros).flows[0]!);
    const before = look();
    world.pass(5_000_000);
    const { heardSecondsAgo, ...atRest } = look();
    expect(atRest).toEqual({ ...before, slots: [], heardSecondsAgo: undefined });
    expect(heardSecondsAgo).toBeGreaterThan(4);
    // The peer is restarted.
    world.add(vtepOf(1), configOf(1, [PAIR]));
    hosts[0]!.send(0, frame(2));
    world.pass(50_000);
    const anew = look();
    expect(anew).toMatchObject({ state: 'established', sent: { frames: 4 }, opened: 2, resets: 1 });
    expect(anew.cid).not.toBe(before.cid);
  });
});

describe('paths', () => {
  it('say that a slot is bad, since when and why, and of another peer’s that nothing happened', () => {
    const { world, hosts } = worldOf([{ ...PAIR, hosts: [[1], [2], [3]] }]);
    for (let i = 0; i < 20; i++) {
      hosts[0]!.send(0, frame(2), frame(3));
      world.pass(10_000);
    }
    const facts = { sourcePorts: 50_000, hopsOf: () => ['10.0.0.1'] };
    const cut = world.clock.nowMicros;
    const lostSlot = pathsOf(hosts[0]!, cut).paths.findIndex(({ sprayed }) => sprayed);
    // No other source port works either, or the slot would be moved there.
    const isLost = (port: number) => port === lostSlot || port >= SLOTS;
    world.loses = ({ from, to, slot }) => from === vtepOf(0) && to === vtepOf(1) && isLost(slot);
    for (let i = 0; i < 30; i++) {
      hosts[0]!.send(0, frame(2), frame(3));
      world.pass(10_000);
    }
    const now = world.clock.nowMicros;
    const paths = pathsOf(hosts[0]!, now).paths.map((path) => pathStatusOf(path, facts));
    const [bad, ...others] = [paths[lostSlot]!, ...paths.filter((_, i) => i !== lostSlot)];
    expect(bad).toMatchObject({
      vtep: formatHostAddress(vtepOf(1)),
      slot: lostSlot,
      sourcePort: 50_000 + lostSlot,
      route: 0,
      hops: ['10.0.0.1'],
      state: 'bad',
      sprayed: false,
      changes: { suspected: 1, failed: 1, recovered: 0, rebound: 0 },
    });
    expect(bad.lastLeft?.secondsAgo).toBeGreaterThanOrEqual(bad.sinceSecondsAgo);
    expect(bad.lastLeft?.secondsAgo).toBeLessThan((now - cut) / 1e6);
    expect(bad.probes.sent - bad.probes.answered).toBeGreaterThan(1);
    for (const { state, changes, lastLeft } of others) {
      expect({ state, ...changes, lastLeft }).toMatchObject({
        state: 'healthy',
        suspected: 0,
        lastLeft: undefined,
      });
    }
    const fast = others.filter(({ sprayed }) => sprayed);
    // Four of each peer. A packet flies 50 us, and each host is woken within 10 us.
    expect(fast).toHaveLength(8);
    for (const { rttMicros, fabricMicros } of fast) {
      expect(rttMicros).toBeGreaterThanOrEqual(100);
      expect(fabricMicros).toBeGreaterThanOrEqual(100);
      expect(fabricMicros).toBeLessThanOrEqual(rttMicros);
    }
  });
});

describe('filters', () => {
  const { world, hosts } = worldOf([LAYOUT]);
  hosts[0]!.send(
    0,
    ...LAYOUT.hosts
      .slice(1)
      .flat()
      .map((tenant) => frame(tenant)),
  );
  world.pass(100_000);
  const now = world.clock.nowMicros;
  const flows = async () => flowsOf(hosts[0]!, now).flows;
  const found = async (query: string) =>
    (await filteredFlows(new URLSearchParams(query), flows)).map(({ remoteMac }) => remoteMac);

  it.each([
    ['', 50],
    ['vni=77', 50],
    ['vni=78', 0],
    [`to=${formatHostAddress(vtepOf(3))}`, 5],
    [`to=${formatMac(macOf(31)).toUpperCase()}`, 1],
    [`to=${formatHostAddress(vtepOf(3))}&to=${formatMac(macOf(41))}`, 0],
    ['to=fd00::1', 0],
    [`from=${formatMac(macOf(1))}`, 50],
    [`from=${formatMac(macOf(2))}`, 0],
    ['state=established', 50],
    ['state=plain', 0],
  ])('%s leave %i connections', async (query, count) => {
    expect(await found(query)).toHaveLength(count);
  });

  it('by CID leave the one', async () => {
    const [any] = await flows();
    const { cid, remoteMac } = flowStatusOf(any!);
    expect(await found(`cid=${cid}`)).toEqual([remoteMac]);
    // As people may write it, and as Wireshark does.
    expect(await found(`cid=${cid.replace(/^0+/, '').toUpperCase()}`)).toEqual([remoteMac]);
    expect(await found(`cid=0x${cid}`)).toEqual([remoteMac]);
  });

  it.each([
    ['vni=many', 'vni: "many" is not understood.', /the number of a network/],
    ['to=there', 'to: "there" is not understood.', /MAC address .* or the address of a peer/],
    ['from=10.0.0.1', 'from: "10.0.0.1" is not understood.', /MAC address of an interface of this host/],
    ['cid=xyz', 'cid: "xyz" is not understood.', /hexadecimal/],
    ['state=open', 'state: "open" is not understood.', /closed, requested, established, plain/],
    ['toString=1', 'There is no filter toString.', /cid, vni, from, to, state/],
  ])('%s are refused before anybody is asked', async (query, message, hint) => {
    const asked = filteredFlows(new URLSearchParams(query), () => {
      throw new Error('asked');
    });
    await expect(asked).rejects.toMatchObject({
      code: 'bad-input',
      message,
      hint: expect.stringMatching(hint),
    });
  });

  it('leave the paths to one peer', async () => {
    const facts = { sourcePorts: 1, hopsOf: () => [] };
    const paths = async () => pathsOf(hosts[0]!, now).paths;
    const ask = (query: string) => filteredPaths(new URLSearchParams(query), paths, facts);
    const vtep = formatHostAddress(vtepOf(4));
    expect((await ask(`to=${vtep}`)).map(({ vtep, slot }) => `${vtep} ${slot}`)).toEqual(
      Array.from({ length: 8 }, (_, slot) => `${vtep} ${slot}`),
    );
    expect(await ask('')).toHaveLength(80);
    await expect(ask('vni=77')).rejects.toMatchObject({ hint: 'There are: to.' });
  });
});
