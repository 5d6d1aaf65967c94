// Does Nimbus tell elastic cross traffic from inelastic (CCP §4.7.1)? It needs five seconds of rates and their spectrum,
// which no datapath would compute. In virtual time, with one kind of cross traffic after the other.

import { Dumbbell, type FlowSetup } from '../../sim/congestion/dumbbell.ts';
import type { InelasticTraffic } from '../../sim/congestion/inelastic.ts';
import { cubic } from '../../src/congestion/algorithms/cubic.ts';
import { type Verdict, watchedNimbus } from '../../src/congestion/algorithms/nimbus.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import type { Ratios } from '../harness/ratios.ts';
import type { Contender } from '../peers/peer.ts';

const RTT_MICROS = 50_000;
/** Of what fills the link: 100 ms. */
const QUEUE_BDPS = 2;
const REPORT_DELAY_MICROS = 30;
const SECONDS = 1e6;
/** Nimbus learns the link's rate before; afterwards the window it looks at must be full of what is to be judged. */
const CROSS_STARTS = 10 * SECONDS;
const JUDGED_FROM = 20 * SECONDS;

const FULL = { mbitPerSecond: [20, 48, 96], seeds: [1, 2, 3], until: 80 * SECONDS };
const QUICK = { mbitPerSecond: [20, 48], seeds: [1], until: 50 * SECONDS };

interface CrossTraffic {
  readonly name: string;
  readonly isElastic: boolean;
  readonly flows?: () => readonly FlowSetup[];
  /** Of the link's rate. */
  readonly inelasticShare?: number;
  readonly gaps?: InelasticTraffic['gaps'];
}

const flow = (algorithm: FlowSetup['algorithm'], rttMicros = RTT_MICROS, afterMicros = 0): FlowSetup => ({
  ...(algorithm !== undefined && { algorithm }),
  rttMicros,
  startMicros: CROSS_STARTS + afterMicros,
});

export const TRAFFIC: readonly CrossTraffic[] = [
  { name: 'one Cubic', isElastic: true, flows: () => [flow(cubic())] },
  { name: 'one Reno', isElastic: true, flows: () => [flow(reno())] },
  {
    name: 'three Cubics',
    isElastic: true,
    flows: () => [0, 1, 2].map((index) => flow(cubic(), RTT_MICROS, (index * SECONDS) / 10)),
  },
  {
    name: 'Cubics of 25 and 100 ms',
    isElastic: true,
    flows: () => [flow(cubic(), 25_000), flow(cubic(), 100_000)],
  },
  {
    name: 'Cubic and Poisson 25 %',
    isElastic: true,
    flows: () => [flow(cubic())],
    inelasticShare: 0.25,
    gaps: 'poisson',
  },
  { name: 'Poisson 25 %', isElastic: false, inelasticShare: 0.25, gaps: 'poisson' },
  { name: 'Poisson 50 %', isElastic: false, inelasticShare: 0.5, gaps: 'poisson' },
  { name: 'Poisson 75 %', isElastic: false, inelasticShare: 0.75, gaps: 'poisson' },
  { name: 'constant 50 %', isElastic: false, inelasticShare: 0.5, gaps: 'even' },
];

export const ELASTICITY_CHART = 'elasticity';
const CHART_MBIT = 48;
const CHART_CASES = ['one Cubic', 'Poisson 50 %'];
const CHART_STEP = SECONDS / 4;

const NIMBUS: Contender = {
  name: 'selvage',
  title: 'Nimbus',
  settings: 'src/congestion/algorithms/nimbus.ts as it is, a report every 10 ms',
};

const columns: readonly Column[] = [
  { metric: 'rightPercent', title: 'windows judged rightly %' },
  { metric: 'sharePercent', title: 'its share of the link %' },
  { metric: 'queueingMillis', title: 'mean queueing ms' },
];

export async function ccpNimbus({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const plan = quick ? QUICK : FULL;
  const measured = new Measurements();
  const tally = new Tally();
  const series: Series[] = [];
  for (const mbitPerSecond of plan.mbitPerSecond) {
    for (const traffic of TRAFFIC) {
      progress(`${mbitPerSecond} Mbit/s beside ${traffic.name} …`);
      for (const seed of plan.seeds) {
        const { values, verdicts } = judge(traffic, mbitPerSecond, seed, plan.until);
        measured.record('selvage', nimbusCase(mbitPerSecond, traffic), values);
        tally.add(nimbusCase(mbitPerSecond, traffic), traffic.isElastic, verdicts);
        if (mbitPerSecond === CHART_MBIT && seed === 1 && CHART_CASES.includes(traffic.name))
          series.push({ chart: ELASTICITY_CHART, name: traffic.name, points: curve(verdicts) });
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
  const rounds = plan.seeds.length;
  return {
    rounds,
    peers: [NIMBUS],
    columns,
    measured,
    ratios: tally.ratios(),
    notes: notesOn(plan),
    series,
  };
}

export function nimbusCase(mbitPerSecond: number, { name }: Pick<CrossTraffic, 'name'>): string {
  return `${mbitPerSecond} Mbit/s, ${name}`;
}

function judge(traffic: CrossTraffic, mbitPerSecond: number, seed: number, untilMicros: number) {
  const { isElastic, flows = () => [], inelasticShare = 0, gaps = 'even' } = traffic;
  const bitsPerSecond = mbitPerSecond * 1e6;
  const verdicts: Verdict[] = [];
  const nimbus = { algorithm: watchedNimbus((verdict) => verdicts.push(verdict)), rttMicros: RTT_MICROS };
  const queueBytes = (QUEUE_BDPS * bitsPerSecond * RTT_MICROS) / 8e6;
  const inelastic = { bitsPerSecond: bitsPerSecond * inelasticShare, gaps, startMicros: CROSS_STARTS };
  const network = new Dumbbell(
    { seed, bitsPerSecond, queueBytes, reportDelayMicros: REPORT_DELAY_MICROS },
    // Elastic traffic draws nothing at random: another seed is another moment in the pulse.
    [nimbus, ...flows().map((each) => ({ ...each, startMicros: each.startMicros! + seed * 37_000 }))],
    inelasticShare > 0 ? [inelastic] : [],
  );
  network.runUntil(JUDGED_FROM);
  const { rates, queueingMicros } = network.measureUntil(untilMicros);
  const right = judged(verdicts).filter((verdict) => verdict.isElastic === isElastic);
  const values = {
    rightPercent: (100 * right.length) / judged(verdicts).length,
    sharePercent: (100 * rates[0]!) / bitsPerSecond,
    queueingMillis: queueingMicros / 1000,
  };
  return { values, verdicts };
}

function judged(verdicts: readonly Verdict[]): Verdict[] {
  return verdicts.filter(({ nowMicros }) => nowMicros >= JUDGED_FROM);
}

function curve(verdicts: readonly Verdict[]): [seconds: number, elasticity: number][] {
  const points: [number, number][] = [];
  let nextMicros = 0;
  for (const { nowMicros, elasticity } of verdicts) {
    if (nowMicros < nextMicros) continue;
    points.push([nowMicros / SECONDS, elasticity]);
    nextMicros = nowMicros + CHART_STEP;
  }
  return points;
}

/** Of all windows that were judged. */
class Tally {
  private readonly cases = new Map<string, { isElastic: boolean; right: number; all: number }>();

  add(situation: string, isElastic: boolean, verdicts: readonly Verdict[]): void {
    const windows = judged(verdicts);
    const { right, all } = this.cases.get(situation) ?? { right: 0, all: 0 };
    const rightNow = windows.filter((verdict) => verdict.isElastic === isElastic).length;
    this.cases.set(situation, { isElastic, right: right + rightNow, all: all + windows.length });
  }

  ratios(): Ratios {
    const all = [...this.cases.values()];
    return {
      rightWindows: shareOf(all),
      rightElastic: shareOf(all.filter(({ isElastic }) => isElastic)),
      rightInelastic: shareOf(all.filter(({ isElastic }) => !isElastic)),
      rightInWorstCase: Math.min(...all.map((each) => shareOf([each]))),
    };
  }
}

function shareOf(cases: readonly { readonly right: number; readonly all: number }[]): number {
  const sum = (values: readonly number[]) => values.reduce((total, each) => total + each, 0);
  return sum(cases.map(({ right }) => right)) / sum(cases.map(({ all }) => all));
}

function notesOn({ seeds, until }: typeof FULL): string[] {
  return [
    `A bottleneck with a queue of ${QUEUE_BDPS} products of its rate and ${RTT_MICROS / 1000} ms. Nimbus is alone for ` +
      `${CROSS_STARTS / SECONDS} s, and learns the link’s rate; then the cross traffic begins. Windows of five seconds, one ` +
      `every 10 ms, are counted from ${JUDGED_FROM / SECONDS} to ${until / SECONDS} s: rightly judged is one at whose end ` +
      'Nimbus competes with elastic traffic, or keeps the delay beside inelastic traffic.',
    `Seeds ${seeds.join(', ')}: for Poisson traffic another draw, for elastic traffic another moment to begin at. A mix ` +
      'counts as elastic.',
  ];
}
