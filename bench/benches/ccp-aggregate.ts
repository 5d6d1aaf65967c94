// Flows that come and go on one host, under one window for all of them and each under its own (CCP §4.7.3, figure 4.10):
// how soon does a new one have its share?
import { fairness } from '../../sim/congestion/dumbbell.ts';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient, type Ratios } from '../harness/ratios.ts';
import { type MeasuredAlgorithm, withSteeredTcp } from '../peers/linux-tcp.ts';
import type { Contender } from '../peers/peer.ts';
import { type FlowSample, runSampledFlows, type SampledRun } from '../workloads/sampled-flows.ts';

const MBIT_PER_SECOND = 48;
const RTT_MILLIS = 20;
const LINK = ['--rate', `${MBIT_PER_SECOND}mbit`, '--delay', `${RTT_MILLIS / 2}ms`, '--queue', '2bdp'];
const SAMPLE_MILLIS = 50;
const SEED = 7;

const FULL = { rounds: 2, flows: 5, seconds: 20, everySeconds: 10 };
const QUICK = { rounds: 1, flows: 3, seconds: 10, everySeconds: 5 };

/** After a flow's beginning: how the throughput of those there was shared. */
const FIRST_SECONDS = 2;
/** Of the mean window of all that there are. */
const ENOUGH = 0.8;
const CHART_SERIES_MILLIS = 200;

interface Arm extends Contender {
  readonly file: MeasuredAlgorithm;
}

const ARMS: readonly Arm[] = [
  {
    name: 'selvage',
    title: 'Selvage, aggregate',
    settings: 'one window for all connections of a host, in equal parts (fair-share.ts), on Linux’s TCP',
    file: 'fair-share',
  },
  {
    name: 'selvageAlone',
    title: 'Selvage, Reno',
    settings: 'our Reno for each connection by itself, on Linux’s TCP',
    file: 'reno',
  },
];

const columns: readonly Column[] = [
  { metric: 'toShareMillis', title: 'to its share ms' },
  { metric: 'firstFairness', title: `fairness in its first ${FIRST_SECONDS} s` },
  { metric: 'utilisation', title: 'utilisation' },
];

const ARRIVAL = 'a flow comes';
const WHOLE = 'whole run';

export function aggregateChart(arm: Contender): string {
  return `windows ${arm.name}`;
}

export const AGGREGATE_ARMS: readonly Contender[] = ARMS;

export async function ccpAggregate({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const plan = quick ? QUICK : FULL;
  const { rounds, flows, seconds, everySeconds } = plan;
  const measured = new Measurements();
  const series: Series[] = [];
  const startSeconds = Array.from({ length: flows }, (_, index) => index * everySeconds);
  await withSteeredTcp(['fair-share', 'reno'], (steered) =>
    inTurns(ARMS, rounds, progress, async (arm, round) => {
      const run = await runSampledFlows({
        link: LINK,
        congestion: steered.get(arm.file)!.name,
        startSeconds,
        seconds,
        sampleMillis: SAMPLE_MILLIS,
        seed: SEED + round,
      });
      record(measured, arm, run, seconds);
      if (round === 0) series.push(...windows(arm, run));
    }),
  );
  return {
    rounds,
    peers: ARMS,
    columns,
    measured,
    ratios: ratiosOf(measured),
    notes: notesOn(plan),
    series,
  };
}

/** Of a run, the mean over the flows that came when there was one already. */
function record(measured: Measurements, arm: Arm, { flows, link }: SampledRun, seconds: number): void {
  const arrivals = flows.slice(1).map((flow, index) => {
    const [began, others] = [flow[0]!.atSeconds, flows.filter((_, other) => other !== index + 1)];
    const limit = began + FIRST_SECONDS;
    const there = [flow, ...others.filter((other) => isThere(other, began, limit))];
    const rates = there.map((each) => ackedAt(each, limit) - ackedAt(each, began));
    return { toShareMillis: toShareMillis(flow, others), firstFairness: fairness(rates) };
  });
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
  measured.record(arm.name, ARRIVAL, {
    toShareMillis: mean(arrivals.map(({ toShareMillis }) => toShareMillis)),
    firstFairness: mean(arrivals.map(({ firstFairness }) => firstFairness)),
  });
  const lasted = flows.at(-1)![0]!.atSeconds + seconds;
  const sent = link.rows.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  measured.record(arm.name, WHOLE, { utilisation: (sent * 8) / (MBIT_PER_SECOND * 1e6 * lasted) });
}

/** Until its window was as large as those of the flows beside it, if it ever was; less than a sample cannot be told. */
function toShareMillis(flow: readonly FlowSample[], others: readonly (readonly FlowSample[])[]): number {
  const began = flow[0]!.atSeconds;
  const found = flow.find(({ atSeconds, packets }) => {
    const beside = others.flatMap((other) => windowAt(other, atSeconds) ?? []);
    const all = [packets, ...beside];
    return packets >= (ENOUGH * all.reduce((sum, each) => sum + each, 0)) / all.length;
  });
  return Math.max(SAMPLE_MILLIS, 1000 * ((found ?? flow.at(-1)!).atSeconds - began));
}

function isThere(flow: readonly FlowSample[], from: number, to: number): boolean {
  return flow[0]!.atSeconds <= from && flow.at(-1)!.atSeconds >= to;
}

function windowAt(flow: readonly FlowSample[], atSeconds: number): number | undefined {
  if (!isThere(flow, atSeconds, atSeconds)) return undefined;
  return flow.findLast((sample) => sample.atSeconds <= atSeconds)?.packets;
}

function ackedAt(flow: readonly FlowSample[], atSeconds: number): number {
  return flow.findLast((sample) => sample.atSeconds <= atSeconds)?.ackedBytes ?? 0;
}

function windows(arm: Arm, { flows }: SampledRun): Series[] {
  const step = CHART_SERIES_MILLIS / SAMPLE_MILLIS;
  return flows.map((flow, index) => ({
    chart: aggregateChart(arm),
    name: `flow ${index + 1}`,
    points: flow
      .filter((_, at) => at % step === 0)
      .map(({ atSeconds, packets }) => [atSeconds, packets] as const),
  }));
}

function ratiosOf(measured: Measurements): Ratios {
  return {
    firstFairness: measured.median('selvage', ARRIVAL, 'firstFairness'),
    firstFairnessReno: measured.median('selvageAlone', ARRIVAL, 'firstFairness'),
    toShare: quotient(measured, 'selvageAlone', 'selvage', 'toShareMillis', ARRIVAL),
    utilisation: measured.median('selvage', WHOLE, 'utilisation'),
  };
}

function notesOn({ flows, seconds, everySeconds }: typeof FULL): string[] {
  return [
    `${flows} connections of iperf3 of ${seconds} s, one every ${everySeconds} s, behind one link of ${MBIT_PER_SECOND} Mbit/s and ` +
      `${RTT_MILLIS} ms with a queue of two products (selvage emulate, seeds from ${SEED}); ss tells windows and bytes every ` +
      `${SAMPLE_MILLIS} ms.`,
    `Its share: until the window of a new connection is ${100 * ENOUGH} % of the mean window, seen at the next sample. Fairness ` +
      'is Jain’s index of what was acknowledged. Both are means over the connections that found others there.',
  ];
}
