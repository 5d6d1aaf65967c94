// How many probes large regions take (ZooRoute §7.1, figure 16), step by step: every port of everybody, of active peers, active
// ports only, and middleboxes that learn. A model on the level of flows, held to the core by a test; it needs no lab.
import { countProbes, type ProbeCount, type RegionShape } from '../../sim/probing/region.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import type { Contender } from '../peers/peer.ts';

const FULL = { vteps: [10_000, 50_000, 100_000], samples: { hypervisors: 4, hubs: 1 } };
const QUICK = { vteps: [10_000], samples: { hypervisors: 2, hubs: 1 } };
const SECONDS = 1800;
const SEED = 1;
/** The densest that the paper's regions may be: 99 % of VTEPs talk to less than a quarter of the others. */
const COUNTERPARTS = 0.25;
/** In the paper's largest region, of more than 100,000, close to 50,000 talk to one gateway (§3.3). */
const COUNTERPARTS_OF_GATEWAYS = 0.5;
const GATEWAYS_OF_MANY = 1 / 5000;
const MIDDLEBOXES_OF_MANY = 1 / 1000;
/** Most pairs are always active; what differs from the paper's regions, it does not say. */
const PATTERN = { medianGapSeconds: 30, sigma: 1, meanFlowSeconds: 5 };

const STEPS: readonly (Contender & { readonly name: keyof ProbeCount })[] = [
  { name: 'fullMesh', title: 'full mesh', settings: 'every port of every VTEP, once a second' },
  { name: 'activePeers', title: 'active peers', settings: 'until a minute after their last packet' },
  {
    name: 'activePorts',
    title: '+ active ports',
    settings: 'partial mode, more where packets flow over few',
  },
  { name: 'learning', title: '+ learning', settings: 'middleboxes probe nobody' },
];

const columns: readonly Column[] = [
  { metric: 'millionProbes', title: 'million probes' },
  { metric: 'percent', title: '% of full mesh' },
  { metric: 'worstPercent', title: '% worst VTEP' },
  { metric: 'worstPerSecond', title: 'a second, worst' },
];

export async function probeScale({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { vteps, samples } = quick ? QUICK : FULL;
  const measured = new Measurements();
  let largest = 0;
  let largestOfWorst = 0;
  let pairs = 0;
  for (const size of vteps) {
    progress(`A region of ${size.toLocaleString('en-US')} VTEPs …`);
    const { total, worst, pairs: looked } = countProbes(shapeOf(size, samples), SEED);
    pairs += looked;
    for (const { name } of STEPS) {
      const percent = (100 * total[name]) / total.fullMesh;
      const worstPercent = (100 * worst[name]) / worst.fullMesh;
      const worstPerSecond = worst[name] / SECONDS;
      const millionProbes = total[name] / 1e6;
      measured.record(name, situationOf(size), { millionProbes, percent, worstPercent, worstPerSecond });
    }
    largest = Math.max(largest, total.learning / total.fullMesh);
    largestOfWorst = Math.max(largestOfWorst, worst.learning / worst.fullMesh);
  }
  const ratios = { probesOfFullMesh: largest, worstVtepOfFullMesh: largestOfWorst };
  return { rounds: 1, peers: STEPS, columns, measured, ratios, notes: notesOn(pairs) };
}

function shapeOf(vteps: number, samples: RegionShape['samples']): RegionShape {
  const gateways = Math.ceil(vteps * GATEWAYS_OF_MANY);
  const middleboxes = Math.ceil(vteps * MIDDLEBOXES_OF_MANY);
  return {
    vteps,
    gateways,
    middleboxes,
    counterparts: COUNTERPARTS,
    counterpartsOfGateways: COUNTERPARTS_OF_GATEWAYS,
    seconds: SECONDS,
    pattern: PATTERN,
    samples,
  };
}

function situationOf(vteps: number): string {
  return `${vteps.toLocaleString('en-US')} VTEPs`;
}

function notesOn(pairs: number): string[] {
  const { medianGapSeconds, sigma, meanFlowSeconds } = PATTERN;
  return [
    `${SECONDS / 60} minutes without faults, on the level of flows: the decisions of src/paths/reroute counted second by second for ` +
      `${pairs.toLocaleString('en-US')} pairs, those of some VTEPs of each kind, which stand for the others. ` +
      'sim/probing/probing.test.ts holds the count to what the core sends.',
    `Each hypervisor talks to ${100 * COUNTERPARTS} % of the others, each gateway (1 in 5,000) to half of them and each middlebox (1 in ` +
      `1,000) to all. In half of the pairs a flow begins every ${medianGapSeconds} s or more often (log-normal, σ ${sigma}), lasts ` +
      `${meanFlowSeconds} s on average, and takes one of 32 ports.`,
    'Requests that a VTEP sends; each has one answer. A port that carries traffic now is probed more than once a second while it ' +
      'has few others beside it, which is part of the count.',
  ];
}
