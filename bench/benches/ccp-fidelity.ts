// Whether our Reno and Cubic, as programs in the kernel and algorithms outside of it, do what the kernel's own do (CCP
// §4.6.1, figures 4.3 to 4.6): throughput and queueing delay of long flows, completion times of many, slow start.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { cumulative } from '../harness/distribution.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { ascending, percentileOf } from '../harness/percentiles.ts';
import type { Ratios } from '../harness/ratios.ts';
import { LINUX_TCP, type MeasuredAlgorithm, STEERED_TCP, withSteeredTcp } from '../peers/linux-tcp.ts';
import type { Contender, PeerName } from '../peers/peer.ts';
import {
  type BackloggedRun,
  DROPPING_LANES,
  LANE_COUNT,
  periods,
  runBacklogged,
} from '../workloads/backlogged.ts';
import { fidelityLinks, linksNote, ROWS_PER_ROUND_TRIP, SCENARIOS } from '../workloads/fidelity-links.ts';
import { ALL_FLOWS, flowsNote, measureFlows } from '../workloads/flow-completion.ts';
import { measureSlowStart, SLOW_START_NOTE, SLOW_STARTS, slowStartCase } from '../workloads/slow-starts.ts';

const ALGORITHMS = ['reno', 'cubic'] as const;
const PEERS = [LINUX_TCP, STEERED_TCP];
const SEED = 7;

const FULL = { rounds: 3, seconds: 30, flowSeconds: 40 };
const QUICK = { rounds: 1, seconds: 8, flowSeconds: 10 };

const columns: readonly Column[] = [
  { metric: 'mbitPerSecond', title: 'Mbit/s' },
  { metric: 'medianQueueingMillis', title: 'median queueing, ms' },
  { metric: 'p95QueueingMillis', title: 'p95 queueing, ms' },
  { metric: 'p50Millis', title: 'completion p50, ms' },
  { metric: 'p75Millis', title: 'p75, ms' },
  { metric: 'p95Millis', title: 'p95, ms' },
  { metric: 'firstMegabyteMillis', title: 'first MB, ms' },
  { metric: 'missedPackets', title: 'missed', total: true },
];

export async function ccpFidelity({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds, flowSeconds } = quick ? QUICK : FULL;
  const folder = mkdtempSync(join(tmpdir(), 'selvage-fidelity-'));
  const measured = new Measurements();
  const waited = new Waited();
  const series: Series[] = [];
  const files = [...ALGORITHMS, ...SLOW_STARTS.flatMap(({ file }) => file ?? [])];
  try {
    const links = fidelityLinks(folder, SEED);
    return await withSteeredTcp([...new Set<MeasuredAlgorithm>(files)], async (steered) => {
      const nameFor = (peer: Contender, algorithm: (typeof ALGORITHMS)[number]) =>
        peer.name === 'selvage' ? steered.get(algorithm)!.name : algorithm;
      await inTurns(PEERS, rounds, progress, async (peer, round) => {
        for (const algorithm of ALGORITHMS) {
          const seed = SEED + round * LANE_COUNT;
          const runs = await runBacklogged(links, nameFor(peer, algorithm), seconds, seed);
          for (const run of runs) {
            record(measured, peer.name, algorithm, run);
            waited.add(peer.name, fidelityCase(algorithm, run.scenario), waitsOf(run));
          }
          if (round === 0) series.push(...drawnRuns(peer, algorithm, runs));
        }
      });
      await inTurns(PEERS, 1, progress, async (peer) => {
        const found = await measureFlows(nameFor(peer, 'reno'), flowSeconds, SEED);
        for (const [situation, values] of found.cases) measured.record(peer.name, situation, values);
        series.push(...found.curves.map((curve) => ({ ...curve, name: peer.title })));
      });
      const starts = await measureSlowStart((file) => steered.get(file)!.name, SEED);
      for (const { peer, situation, values } of starts.cases) measured.record(peer, situation, values);
      series.push(...starts.curves);
      const lost = [...steered.values()].flatMap((each) => each.complaints());
      const notes = [
        ...notesOf(seconds, rounds, flowSeconds),
        ...lost.map((line) => `Said meanwhile: ${line}`),
      ];
      return { rounds, peers: PEERS, columns, measured, ratios: ratiosOf(measured, waited), notes, series };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function fidelityCase(algorithm: string, scenario: string): string {
  return `${algorithm}, ${scenario}`;
}

function record(measured: Measurements, peer: PeerName, algorithm: string, run: BackloggedRun): void {
  const { throughputBitsPerSecond, queueingDelayMillis, missedPackets } = run.up;
  measured.record(peer, fidelityCase(algorithm, run.scenario), {
    mbitPerSecond: throughputBitsPerSecond / 1e6,
    medianQueueingMillis: queueingDelayMillis.median,
    p95QueueingMillis: queueingDelayMillis.p95,
    missedPackets,
  });
}

/** Of each round trip, how long its packets queued. */
function waitsOf({ rows }: BackloggedRun): number[] {
  const waits = periods(rows, ROWS_PER_ROUND_TRIP).map(({ queueingMillis }) => queueingMillis);
  return waits.filter((each) => !Number.isNaN(each));
}

/** The same of all runs of a case together: a random loss more or less turns the median of a single one. */
class Waited {
  private readonly millis = new Map<string, number[]>();

  add(peer: PeerName, situation: string, millis: readonly number[]): void {
    const key = `${peer}/${situation}`;
    this.millis.set(key, [...(this.millis.get(key) ?? []), ...millis]);
  }

  median(peer: PeerName, situation: string): number {
    return percentileOf(ascending(this.millis.get(`${peer}/${situation}`)!), 0.5);
  }
}

/** Distributions over round trips, and the window on the fixed link. */
function drawnRuns({ title }: Contender, algorithm: string, runs: readonly BackloggedRun[]): Series[] {
  const curves = SCENARIOS.flatMap((scenario) => {
    const those = runs.filter((run) => run.scenario === scenario);
    const within = those.flatMap(({ rows }) => periods(rows, ROWS_PER_ROUND_TRIP));
    const name = `${title}, ${algorithm}`;
    return [
      {
        chart: `${scenario} throughput`,
        name,
        points: cumulative(within.map(({ mbitPerSecond }) => mbitPerSecond)),
      },
      { chart: `${scenario} delay`, name, points: cumulative(those.flatMap(waitsOf)) },
    ];
  });
  const fixed = runs.find(({ scenario }) => scenario === 'fixed')!;
  const points = fixed.windows.map(({ atSeconds, packets }) => [atSeconds, packets] as const);
  return [...curves, { chart: `${algorithm} windows`, name: title, points }];
}

function ratiosOf(measured: Measurements, waited: Waited): Ratios {
  const cases = ALGORITHMS.flatMap((algorithm) =>
    SCENARIOS.map((scenario) => fidelityCase(algorithm, scenario)),
  );
  // Of sums, since the same number of runs with the same losses is in both.
  const carried = (peer: PeerName, each: string) => measured.total(peer, each, 'mbitPerSecond');
  const throughput = cases.map((each) => carried('selvage', each) / carried('linuxTcp', each));
  const delay = cases.map((each) => waited.median('selvage', each) / waited.median('linuxTcp', each));
  const completion = (metric: string) => {
    return measured.total('selvage', ALL_FLOWS, metric) / measured.total('linuxTcp', ALL_FLOWS, metric);
  };
  const firstMegabyte = (peer: PeerName, form: string) =>
    measured.median(peer, slowStartCase(form), 'firstMegabyteMillis');
  const start = (form: string) => {
    const [own, kernel] = [firstMegabyte('selvage', form), firstMegabyte('linuxTcp', 'kernel')];
    return own === undefined || kernel === undefined ? undefined : kernel / own;
  };
  return {
    throughputMin: Math.min(...throughput),
    throughputMax: Math.max(...throughput),
    medianDelayMin: Math.min(...delay),
    medianDelayMax: Math.max(...delay),
    completionP50: completion('p50Millis'),
    completionP75: completion('p75Millis'),
    completionP95: completion('p95Millis'),
    ...Object.fromEntries(
      SLOW_STARTS.filter(({ file }) => file !== undefined).map(({ form }) => [
        `slowStart.${form}`,
        start(form),
      ]),
    ),
  };
}

function notesOf(seconds: number, rounds: number, flowSeconds: number): string[] {
  const lastSeed = SEED + rounds * LANE_COUNT - 1;
  return [
    `Long flows: one iperf3 connection for ${seconds} s, on each of the links at the same time and each on its own; ` +
      `throughput and queueing delay as the link counts them, seeds ${SEED} to ${lastSeed}, the same for both. The ` +
      `link that drops is there ${DROPPING_LANES} times. The ratio of throughput is of sums over runs, that of queueing ` +
      'delay of medians over the round trips of all runs together: one random loss more or less turns the median of a run.',
    linksNote(SEED),
    flowsNote(flowSeconds, SEED),
    SLOW_START_NOTE,
    'Missed packets came faster than the emulator could take them in, and should be none.',
  ];
}
