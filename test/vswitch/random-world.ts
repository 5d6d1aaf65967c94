// Random traffic of all kinds between three hosts with a switch each, under faults, with tenants that stop taking:
// what a seed says about it.

import { below, chance, type Rng, SeededRng } from '../../src/base/rng.ts';
import { FaultyUnderlay, FaultyVnic } from '../../src/device/faults.ts';
import { PROTOCOL_TCP } from '../../src/wire/protocols.ts';
import { randomFrame } from './random-frames.ts';
import { configOf, ipv4Of, type Layout, vtepOf } from './tenants.ts';
import { World, type WorldHost } from './world.ts';

/** Every other world wants its frames as they come. */
const layouts = (seed: number): readonly Layout[] => [
  {
    vni: 77,
    reliable: true,
    reorder: seed % 2 === 0,
    hosts: [[1, 3], [2], [4]],
    policies: {
      2: { accept: [{ protocols: [PROTOCOL_TCP], ports: { first: 1000, last: 50_000 } }] },
      3: { receiveBytesPerSecond: 1e6 },
    },
  },
  {
    vni: 78,
    reliable: false,
    hosts: [[11], [12, 13], [14]],
    policies: { 13: { accept: [{ from: { family: 4, address: ipv4Of(8), prefixLength: 28 } }] } },
  },
];
const STEPS = 60;

export interface RandomWorld {
  readonly world: World;
  readonly hosts: readonly WorldHost[];
}

/** `prepare` sees the world before anything happens, `afterStep` after each of its sixty steps. */
export function runRandomWorld(
  seed: number,
  prepare: (world: RandomWorld) => void = () => {},
  afterStep: (world: RandomWorld) => void = () => {},
): RandomWorld {
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
    const config = configOf(host, layouts(seed), { windowPackets: 128 });
    return world.add(vtepOf(host), config, {
      vnic: (device, region) => new FaultyVnic(device, region, new SeededRng(rng.u32()), rates),
      underlay: (device, region) => new FaultyUnderlay(device, region, new SeededRng(rng.u32()), rates),
    });
  });
  const all = { world, hosts };
  prepare(all);
  for (let step = 0; step < STEPS; step++) {
    act(hosts[below(rng, 3)]!, rng);
    world.pass(below(rng, 3000));
    afterStep(all);
  }
  for (const host of hosts) {
    for (const vnic of host.vnics) vnic.room = Number.POSITIVE_INFINITY;
  }
  world.pass(60_000_000);
  return all;
}

/** Some tenant of a host sends some frames, or stops taking any, or takes them again. */
function act(host: WorldHost, rng: Rng): void {
  const port = below(rng, host.vnics.length);
  if (chance(rng, 0.1)) host.vnics[port]!.room = chance(rng, 0.5) ? below(rng, 20) : Number.POSITIVE_INFINITY;
  const self = host.vswitch.forwarding.ports[port]!.mac % 256;
  const frames = Array.from({ length: 1 + below(rng, 30) }, () => randomFrame(self, rng));
  host.send(port, ...frames);
}
