// The switch is replaced again and again under a stream of packets: how long does none get through? Beside it the longest
// time without a packet while nothing is replaced, in stretches as long.

import { join } from 'node:path';
import { packageRoot } from '../../lab/package-root.ts';
import { pause } from '../../lab/process.ts';
import { requestUpgrade } from '../../src/agent/admin/agent-client.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import { ascending, percentileOf } from '../harness/percentiles.ts';
import { figure } from '../harness/text-table.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { withTestbed } from '../testbed.ts';
import { longestGap, type ProbePhase } from '../workloads/packet-probe/tally.ts';
import { type Probe, startProbe } from '../workloads/packet-probe.ts';

const FULL = { replacements: 100 };
const QUICK = { replacements: 16 };
/** Packets each millisecond: few enough that the receiver's socket holds what comes while it is not scheduled. */
const BURST = 5;
const WARM_UP_MILLIS = 3000;
/** Looked at before and after a change of engines. */
const WINDOW_MICROS = 25_000;
const WINDOW_MILLIS = WINDOW_MICROS / 1000;

const QUIET = 'no replacement';
const SWAP = 'replacement';
const PREPARATION = 'its preparation';

const columns: readonly Column[] = [
  { metric: 'p50GapMillis', title: 'p50 gap ms' },
  { metric: 'p99GapMillis', title: 'p99 gap ms' },
  { metric: 'maxGapMillis', title: 'max gap ms' },
  { metric: 'p99BetweenTurnsMillis', title: 'p99 between turns ms' },
  { metric: 'packets', title: 'packets' },
  { metric: 'lost', title: 'lost' },
  { metric: 'duplicated', title: 'duplicated' },
  { metric: 'reordered', title: 'reordered' },
];

export function swap({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { replacements } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, client, server } = testbed;
    const peer = await attachSelvage(testbed);
    const probe = await startProbe(lab, client.name, server.name, {
      address: peer.serverAddress,
      burst: BURST,
    });
    const runtimeDir = join(lab.runFolder, client.host);
    await pause(WARM_UP_MILLIS);
    const gaps: Gaps = { quiet: [], preparation: [], swap: [], betweenTurns: [] };
    await probe.endPhase();
    const damage = { packets: 0, lost: 0, duplicated: 0, reordered: 0 };
    for (let i = 1; i <= replacements; i++) {
      if (i % 5 === 1) progress(`Replacement ${i} of ${replacements} …`);
      await replaceOnce(probe, runtimeDir, gaps, damage);
    }
    probe.stop();
    const measured = new Measurements();
    measured.record('selvage', QUIET, summarize(gaps.quiet));
    measured.record('selvage', PREPARATION, summarize(gaps.preparation));
    const p99BetweenTurnsMillis = percentileOf(ascending(gaps.betweenTurns), 0.99);
    measured.record('selvage', SWAP, { ...summarize(gaps.swap), p99BetweenTurnsMillis, ...damage });
    const p99GapMillis = measured.median('selvage', SWAP, 'p99GapMillis');
    const ratios = { p99GapMillis, damagedPackets: damage.lost + damage.duplicated + damage.reordered };
    return { rounds: 1, peers: [peer], columns, measured, ratios, notes: notesOn(replacements, measured) };
  });
}

/** In milliseconds, the longest of each window. */
interface Gaps {
  readonly quiet: number[];
  readonly preparation: number[];
  readonly swap: number[];
  readonly betweenTurns: number[];
}

type Damage = Record<'packets' | 'lost' | 'duplicated' | 'reordered', number>;

/** A replacement, and a quiet time as long. */
async function replaceOnce(probe: Probe, runtimeDir: string, gaps: Gaps, damage: Damage): Promise<void> {
  const file = join(packageRoot(), 'dist', 'switch-engine.js');
  const startedAt = monotonicMicros();
  const [upgraded] = await requestUpgrade(runtimeDir, [{ engine: 'switch', file }]);
  const { gapMicros, atMicros } = upgraded!;
  await pause(2 * WINDOW_MILLIS);
  const busy = await probe.endPhase();
  const quietFrom = monotonicMicros();
  await pause((quietFrom - startedAt) / 1000);
  const quiet = await probe.endPhase();
  gaps.betweenTurns.push(gapMicros / 1000);
  gaps.swap.push(longestGap(busy.gaps, atMicros - WINDOW_MICROS, atMicros + WINDOW_MICROS) / 1000);
  windows(gaps.preparation, busy, startedAt, atMicros - WINDOW_MICROS);
  windows(gaps.quiet, quiet, quietFrom, monotonicMicros());
  for (const phase of [busy, quiet]) {
    damage.packets += phase.packets;
    damage.lost += phase.lost;
    damage.duplicated += phase.duplicated;
    damage.reordered += phase.reordered;
  }
}

/** The longest gap of each window of the usual length in a time. */
function windows(into: number[], { gaps }: ProbePhase, fromMicros: number, toMicros: number): void {
  const length = 2 * WINDOW_MICROS;
  for (let from = fromMicros; from + length <= toMicros; from += length) {
    into.push(longestGap(gaps, from, from + length) / 1000);
  }
}

function summarize(gaps: readonly number[]): Record<string, number> {
  const sorted = ascending(gaps);
  return {
    p50GapMillis: percentileOf(sorted, 0.5),
    p99GapMillis: percentileOf(sorted, 0.99),
    maxGapMillis: percentileOf(sorted, 1),
  };
}

function monotonicMicros(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

function notesOn(replacements: number, measured: Measurements): string[] {
  const quiet = (metric: string) => figure(measured.median('selvage', QUIET, metric)!);
  return [
    `${replacements} replacements of the switch on the client’s host by newly bundled code, under a stream of ${BURST} packets ` +
      'a millisecond. A gap is the time between two packets as the receiver sees them, less what the sender was late; since ' +
      'packets leave once a millisecond, few are shorter than that.',
    `Of each replacement the longest gap within ${WINDOW_MILLIS} ms before and after the engines changed counts. Beside it ` +
      `the longest of every ${2 * WINDOW_MILLIS} ms without replacement (p99 ${quiet('p99GapMillis')} ms, at most ` +
      `${quiet('maxGapMillis')} ms), and while the new code was bundled, tried, loaded and warmed up.`,
    '“Between turns”, as the executor measures it: from the old engine’s last turn until the new one could have its first.',
  ];
}
