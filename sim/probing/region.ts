// A region's probing over half an hour (ZooRoute §7.1, figure 16): many hypervisors, few gateways and middleboxes, each with its share of
// counterparts. Of each kind some VTEPs are looked at with all of their pairs, and stand for the others.

import { type Rng, SeededRng } from '../../src/base/rng.ts';
import {
  mannerOf,
  ROLE_GATEWAY,
  ROLE_HYPERVISOR,
  ROLE_MIDDLEBOX,
  type Role,
} from '../../src/paths/reroute/roles.ts';
import { addPairCost, type PairCost } from './pair-cost.ts';
import { type PairPattern, pairFlows } from './pair-traffic.ts';

export interface RegionShape {
  readonly vteps: number;
  readonly gateways: number;
  readonly middleboxes: number;
  /** Of the other hypervisors, that a hypervisor has traffic with. */
  readonly counterparts: number;
  /** Of the hypervisors, that a gateway has traffic with; a middlebox has with all. */
  readonly counterpartsOfGateways: number;
  readonly seconds: number;
  readonly pattern: PairPattern;
  /** VTEPs of each kind that are looked at. */
  readonly samples: { readonly hypervisors: number; readonly hubs: number };
}

/** Requests, in all or by the VTEP that sends most. */
export interface ProbeCount {
  fullMesh: number;
  activePeers: number;
  activePorts: number;
  learning: number;
}

export interface RegionCount {
  readonly total: ProbeCount;
  readonly worst: ProbeCount;
  readonly pairs: number;
}

const PORTS = 32;

export function countProbes(shape: RegionShape, seed: number): RegionCount {
  const rng = new SeededRng(seed);
  const hypervisors = shape.vteps - shape.gateways - shape.middleboxes;
  const kinds: readonly { role: Role; count: number; samples: number }[] = [
    { role: ROLE_HYPERVISOR, count: hypervisors, samples: shape.samples.hypervisors },
    { role: ROLE_GATEWAY, count: shape.gateways, samples: shape.samples.hubs },
    { role: ROLE_MIDDLEBOX, count: shape.middleboxes, samples: shape.samples.hubs },
  ];
  const total = newCount();
  const worst = newCount();
  let pairs = 0;
  const fullMesh = (shape.vteps - 1) * PORTS * shape.seconds;
  for (const { role, count, samples } of kinds) {
    for (let i = 0; i < samples; i++) {
      const of = countOfVtep(shape, role, hypervisors, rng);
      pairs += of.pairs;
      const each = { ...of.count, fullMesh };
      for (const step of STEPS) {
        total[step] += (each[step] * count) / samples;
        worst[step] = Math.max(worst[step], each[step]);
      }
    }
  }
  return { total, worst, pairs };
}

const STEPS = ['fullMesh', 'activePeers', 'activePorts', 'learning'] as const;

function newCount(): ProbeCount {
  return { fullMesh: 0, activePeers: 0, activePorts: 0, learning: 0 };
}

/** One VTEP with all that it talks to. */
function countOfVtep(
  shape: RegionShape,
  role: Role,
  hypervisors: number,
  rng: Rng,
): { count: ProbeCount; pairs: number } {
  const { counterparts, counterpartsOfGateways } = shape;
  const ofHypervisors = { [ROLE_HYPERVISOR]: counterparts, [ROLE_GATEWAY]: counterpartsOfGateways };
  const share = role === ROLE_MIDDLEBOX ? 1 : ofHypervisors[role];
  const ofGateways = role === ROLE_HYPERVISOR ? counterpartsOfGateways : 1;
  const peers: readonly [Role, number][] = [
    [ROLE_HYPERVISOR, Math.round(hypervisors * share)],
    [ROLE_GATEWAY, Math.round(shape.gateways * ofGateways)],
    [ROLE_MIDDLEBOX, shape.middleboxes],
  ];
  const count = newCount();
  let pairs = 0;
  for (const [peer, number] of peers) {
    // What the step before learning has a middlebox do: to probe as others do.
    const manner = mannerOf(role, peer);
    const cost: PairCost = { activePeers: 0, activePorts: 0 };
    for (let i = 0; i < number; i++) {
      addPairCost(cost, pairFlows(shape.pattern, shape.seconds, rng), shape.seconds, manner);
    }
    count.activePeers += cost.activePeers;
    count.activePorts += cost.activePorts;
    if (manner.probes) count.learning += cost.activePorts;
    pairs += number;
  }
  return { count, pairs };
}
