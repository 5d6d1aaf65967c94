// Broadcast and multicast: to every other tenant of the network, once to each of its hosts, back to nobody.

import { expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { plainFrames } from '../../test/vswitch/plain-packets.ts';
import { configOf, frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { World, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { BROADCAST_MAC, type Mac } from '../wire/address.ts';

const VNI = 77;

const toAll = (from: number, destination: Mac = BROADCAST_MAC) =>
  frameBetween(from, 2, { ethernet: { destination }, udp: {}, payload: numbered(40) });

for (const reliable of [true, false]) {
  const kind = reliable ? 'reliable' : 'plain';
  const layout: Layout = { vni: VNI, reliable, hosts: [[1, 3, 5], [2, 4], [6]] };

  it.for([
    ['a broadcast', BROADCAST_MAC],
    ['an IPv6 multicast', 0x3333_0000_0001],
    ['an IPv4 multicast', 0x0100_5e00_0005],
  ] as const)(`%s goes to every other tenant, ${kind}`, ([, destination]) => {
    const { world, hosts } = worldOf([layout]);
    const frame = toAll(1, destination);
    hosts[0]!.send(0, frame);
    world.pass(300_000);
    expect(hosts.map(({ received }) => received)).toEqual([
      [[], [frame], [frame]],
      [[frame], [frame]],
      [[frame]],
    ]);
    expect(world.packets.map(({ to }) => to)).toEqual([vtepOf(1), vtepOf(2)]);
    expect(plainFrames(world.packets, VNI).length).toBe(2);
    expect(hosts[0]!.vswitch.counters).toMatchObject({ flooded: 1, floodCopies: 3, toLocal: 2, toPlain: 2 });
    for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
  });

  it(`a broadcast stays in its network, ${kind}`, () => {
    const other: Layout = { vni: 78, reliable, hosts: [[11], [12]] };
    const { world, hosts } = worldOf([layout, other]);
    hosts[0]!.send(3, toAll(11));
    world.pass(300_000);
    expect(hosts.map(({ received }) => received.map((frames) => frames.length))).toEqual([
      [0, 0, 0, 0],
      [0, 0, 1],
      [0],
    ]);
  });

  it(`a broadcast where there is nobody else is dropped and counted, ${kind}`, () => {
    const { world, hosts } = worldOf([{ vni: VNI, reliable, hosts: [[1]] }]);
    hosts[0]!.send(0, toAll(1));
    world.pass(300_000);
    expect(hosts[0]!.vswitch.counters.dropped.unknownDestination).toBe(1);
    expect(world.packets).toEqual([]);
    checkIdle(hosts[0]!.vswitch, hosts[0]!.region);
  });
}

it('more broadcasts in one turn than are held at once are all sent as they are', () => {
  const others = Array.from({ length: 20 }, (_, i) => [10 + i]);
  const layout: Layout = { vni: VNI, reliable: false, hosts: [[1], ...others] };
  const world = new World();
  const host = world.add(vtepOf(0), configOf(0, [layout]));
  const frames = Array.from({ length: 64 }, (_, i) =>
    frameBetween(1, 2, {
      ethernet: { destination: BROADCAST_MAC },
      udp: { sourcePort: i + 1 },
      payload: numbered(60),
    }),
  );
  host.send(0, ...frames);
  world.pass(300_000);
  const bare = frames.map((frame) => frame.slice(10));
  for (const [other] of others.entries()) {
    const packets = world.packets.filter(({ to }) => to === vtepOf(1 + other));
    expect(plainFrames(packets, VNI)).toEqual(bare);
  }
  checkIdle(host.vswitch, host.region);
});
