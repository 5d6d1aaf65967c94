// Whatever happens to frames and packets, every one is accounted for at any time, and no reference is left over when
// nothing is on its way: random traffic of all kinds between three hosts, under faults, with tenants that stop taking.

import { expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { randomFrame } from '../../test/vswitch/random-frames.ts';
import { configOf, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { World, type WorldHost } from '../../test/vswitch/world.ts';
import { below, chance, SeededRng } from '../base/rng.ts';
import { FaultyUnderlay, FaultyVnic } from '../device/faults.ts';
import type { SwitchCounters } from './drops.ts';

const LAYOUTS: readonly Layout[] = [
  { vni: 77, reliable: true, hosts: [[1, 3], [2], [4]] },
  { vni: 78, reliable: false, hosts: [[11], [12, 13], [14]] },
];
const STEPS = 60;

function run(seed: number, seen: Map<string, number>): void {
  const rng = new SeededRng(seed);
  const world = new World();
  const rates = {
    lossRate: 0.02,
    duplicationRate: 0.02,
    // Rare, since the underlay's checksum catches nearly all; frames may be what they like.
    corruptionRate: chance(rng, 0.3) ? 0.01 : 0,
    reorderRate: 0.05,
  };
  const hosts = [0, 1, 2].map((host) => {
    const config = configOf(host, LAYOUTS, { windowPackets: 128 });
    return world.add(vtepOf(host), config, {
      vnic: (device, region) => new FaultyVnic(device, region, new SeededRng(rng.u32()), rates),
      underlay: (device, region) => new FaultyUnderlay(device, region, new SeededRng(rng.u32()), rates),
    });
  });
  for (let step = 0; step < STEPS; step++) {
    act(hosts[below(rng, 3)]!, rng);
    world.pass(below(rng, 3000));
    for (const { vswitch } of hosts) checkConservation(vswitch);
  }
  for (const host of hosts) {
    for (const vnic of host.vnics) vnic.room = Number.POSITIVE_INFINITY;
  }
  world.pass(60_000_000);
  for (const { vswitch, region } of hosts) {
    checkIdle(vswitch, region);
    note(vswitch.counters, seen);
  }
}

/** Some tenant of a host sends some frames, or stops taking any, or takes them again. */
function act(host: WorldHost, rng: SeededRng): void {
  const port = below(rng, host.vnics.length);
  if (chance(rng, 0.1)) host.vnics[port]!.room = chance(rng, 0.5) ? below(rng, 20) : Number.POSITIVE_INFINITY;
  const self = host.vswitch.forwarding.ports[port]!.mac % 256;
  const frames = Array.from({ length: 1 + below(rng, 30) }, () => randomFrame(self, rng));
  host.send(port, ...frames);
}

function note({ dropped, ...counters }: SwitchCounters, seen: Map<string, number>): void {
  for (const [name, count] of Object.entries({ ...counters, ...dropped })) {
    seen.set(name, (seen.get(name) ?? 0) + count);
  }
}

const seen = new Map<string, number>();

itForSeeds('every frame and packet is accounted for', 8, (seed) => run(seed, seen));

it('the traffic of those runs went every way', (context) => {
  if (process.env['SELVAGE_SEED'] !== undefined) context.skip('only one seed was run');
  // What needs a region without memory, a peer that is given up, or a stranger has tests of its own.
  const elsewhere = ['noMemory', 'queueFull', 'returned', 'unknownVtep', 'vnicFull', 'tooLong'];
  for (const [name, count] of seen) if (!elsewhere.includes(name)) expect(count, name).toBeGreaterThan(0);
});
