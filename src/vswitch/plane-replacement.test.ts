// A switch whose connections are governed by the control plane, replaced between any two turns: algorithm, datapaths and
// what is on its way between them go on, so that everything is the same to the byte and to the microsecond. And one that
// begins without a state says so, and its flows are introduced again.

import { expect, it } from 'vitest';
import { HostPlane } from '../../sim/host/plane.ts';
import { digest } from '../../test/support/digest.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { shapeOf } from '../../test/support/state-shape.ts';
import { configOf, frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { World, type WorldHost } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { below, chance, SeededRng } from '../base/rng.ts';
import { reno } from '../congestion/algorithms/reno.ts';
import { swift } from '../congestion/algorithms/swift.ts';

const LAYOUT: readonly Layout[] = [{ vni: 77, reliable: true, congestion: 'reno', hosts: [[1], [2]] }];

function worldOf() {
  const world = new World();
  const hosts = [0, 1].map((number) => {
    const plane = new HostPlane(world.clock);
    plane.run(reno());
    plane.run({ ...swift(), name: 'swift-program' });
    const host = world.add(vtepOf(number), configOf(number, LAYOUT), { congestion: plane.links });
    plane.wakeHost = () => host.wake(world.clock.nowMicros + 1);
    return { host, plane };
  });
  return { world, hosts };
}

/** Two tenants that send to each other, with losses; what could be seen. */
function run(seed: number, beforeTurn: (host: WorldHost) => void) {
  const rng = new SeededRng(seed);
  const { world, hosts } = worldOf();
  world.loses = () => chance(rng, 0.01);
  world.beforeTurn = beforeTurn;
  for (let step = 0; step < 90; step++) {
    const from = below(rng, 2);
    const frames = Array.from({ length: 1 + below(rng, 60) }, (_, i) =>
      frameBetween(1 + from, 2 - from, { udp: { sourcePort: 1 + i }, payload: numbered(1300) }),
    );
    hosts[from]!.host.send(0, ...frames);
    world.pass(below(rng, 5000));
    if (step % 30 !== 15) continue;
    const { host, plane } = hosts[step % 2]!;
    plane.set([{ vni: 77, algorithm: step < 30 ? 'swift-program' : 'reno' }]);
    host.vswitch.congestionChanged(world.clock.nowMicros);
    host.wake(world.clock.nowMicros + 1);
  }
  world.pass(5_000_000);
  return hosts.map(({ host: { vswitch, received } }) => ({
    received: digest(received[0]!),
    frames: received[0]!.length,
    counters: { ...vswitch.transport.counters },
    plane: { ...vswitch.plane.counters },
    sent: digest(world.packets.map(({ slot, atMicros }) => `${slot} ${atMicros}`)),
  }));
}

itForSeeds('a replacement before any turn changes nothing', 3, (seed) => {
  const undisturbed = run(seed, () => {});
  for (const { plane } of undisturbed) {
    expect(plane.reports).toBeGreaterThan(5);
    expect(plane).toMatchObject({ fallbacks: 0, commandsBad: 0 });
  }
  const rng = new SeededRng(seed ^ 0x5a5a);
  const disturbed = run(seed, (host) => {
    if (chance(rng, 0.5)) host.replaceSwitch();
  });
  expect(disturbed).toEqual(undisturbed);
});

it('the plane’s state of version 1 has this shape: another one is another version, and a transformation', async () => {
  const shapes = new Set<string>();
  run(1, ({ vswitch }) => {
    for (const line of shapeOf(vswitch.plane.save())) shapes.add(line);
  });
  for (const line of shapeOf(troubled())) shapes.add(line);
  await expect(`${[...shapes].sort().join('\n')}\n`).toMatchFileSnapshot('snapshots/plane-state-1.txt');
});

/** Of flows whose algorithm hangs, and of which another one took over while there was no room to say so. */
function troubled() {
  const { world, hosts } = worldOf();
  const { host, plane } = hosts[0]!;
  const frames = Array.from({ length: 40 }, () => frameBetween(1, 2, { udp: {}, payload: numbered(1300) }));
  host.send(0, ...frames);
  world.pass(100_000);
  plane.hang('reno');
  host.send(0, ...frames);
  world.pass(1_000_000);
  const { toAlgorithm } = plane.links.of('reno')!;
  while (toAlgorithm.push(new Uint8Array(8), 8));
  plane.set([{ vni: 77, algorithm: 'swift-program' }]);
  host.vswitch.congestionChanged(world.clock.nowMicros);
  const state = host.vswitch.plane.save();
  expect(state.troubles).toHaveLength(1);
  expect(state.closing.length).toBeGreaterThan(0);
  return state;
}

it('a connection at rest is no flow of anyone’s, and is one again when it is used', () => {
  const { world, hosts } = worldOf();
  const { host } = hosts[0]!;
  const frames = () =>
    Array.from({ length: 40 }, () => frameBetween(1, 2, { udp: {}, payload: numbered(1300) }));
  host.send(0, ...frames());
  world.pass(100_000);
  expect(host.vswitch.plane.flowsOf('reno').controlled).toBeGreaterThan(0);
  world.pass(20_000_000);
  expect(host.vswitch.plane.flowsOf('reno')).toEqual({ controlled: 0, fallback: 0 });
  host.send(0, ...frames());
  world.pass(100_000);
  expect(host.vswitch.plane.flowsOf('reno').controlled).toBeGreaterThan(0);
  expect(host.vswitch.plane.counters.fallbacks).toBe(0);
});
