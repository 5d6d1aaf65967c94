// Slow start where it can be (CCP §4.4.4, figure 4.3): in the kernel's own Reno; in ours in the algorithm, report by
// report; in the datapath by window; and in the datapath by rate. One flow each on a link of its own, all at once.
import type { Series } from '../harness/bench.ts';
import type { Values } from '../harness/measurements.ts';
import type { MeasuredAlgorithm } from '../peers/linux-tcp.ts';
import type { PeerName } from '../peers/peer.ts';
import type { LinkRow } from './emulated-link.ts';
import { runSingleFlow, type SingleFlowRun } from './single-flow.ts';

const RTT_MILLIS = 100;
const LINK = ['--rate', '48mbit', '--delay', `${RTT_MILLIS / 2}ms`, '--queue', '1bdp'];
const SECONDS = 2;
/** iperf3's own words are fewer. */
const FIRST_BYTES = 10e3;
const LAST_BYTES = 1e6;
const FRAME_BYTES = 1514;
export const SLOW_START_CHART = 'slow start';

export interface SlowStartVariant {
  readonly form: string;
  /** Absent: the kernel's own. */
  readonly file?: MeasuredAlgorithm;
}

export const SLOW_STARTS: readonly SlowStartVariant[] = [
  { form: 'kernel' },
  { form: 'datapath', file: 'reno' },
  { form: 'algorithm', file: 'reno-each-round' },
  { form: 'rate', file: 'reno-start-by-rate' },
];

export interface SlowStartFigures {
  readonly cases: readonly {
    readonly peer: PeerName;
    readonly situation: string;
    readonly values: Values;
  }[];
  readonly curves: readonly Series[];
}

export function slowStartCase(form: string): string {
  return `slow start, ${form}`;
}

export async function measureSlowStart(
  nameOf: (file: MeasuredAlgorithm) => string,
  seed: number,
): Promise<SlowStartFigures> {
  const runs = await Promise.all(
    SLOW_STARTS.map(async ({ form, file }) => {
      const congestion = file === undefined ? 'reno' : nameOf(file);
      return { form, file, run: await runSingleFlow({ link: LINK, congestion, seconds: SECONDS, seed }) };
    }),
  );
  return {
    cases: runs.map(({ form, file, run }) => ({
      peer: file === undefined ? 'linuxTcp' : 'selvage',
      situation: slowStartCase(form),
      values: { firstMegabyteMillis: firstMegabyteMillis(run.rows) },
    })),
    curves: runs.map(({ form, run }) => ({
      chart: SLOW_START_CHART,
      name: form,
      points: form === 'rate' ? windowsByThroughput(run.rows) : windowsOf(run),
    })),
  };
}

/** From the first window to so much: six round trips of doubling, and less than makes it lose. */
export function firstMegabyteMillis(rows: readonly LinkRow[]): number {
  return millisTo(rows, LAST_BYTES) - millisTo(rows, FIRST_BYTES);
}

function millisTo(rows: readonly LinkRow[], wantedBytes: number): number {
  let bytes = 0;
  const row = rows.find(({ sentBytes }) => {
    bytes += sentBytes;
    return bytes >= wantedBytes;
  });
  return row?.atMillis ?? Number.NaN;
}

function windowsOf({ windows }: SingleFlowRun): [seconds: number, packets: number][] {
  return windows.map(({ atSeconds, packets }) => [atSeconds, packets]);
}

/** A rate has no window: what arrived in a round trip stands for it, as in the thesis' figure. */
function windowsByThroughput(rows: readonly LinkRow[]): [seconds: number, packets: number][] {
  const perRound = RTT_MILLIS / 10;
  return rows.flatMap((_, index) => {
    if (index === 0 || index % perRound !== 0) return [];
    const within = rows.slice(index - perRound, index);
    const bytes = within.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    return [[rows[index]!.atMillis / 1000, bytes / FRAME_BYTES] as [number, number]];
  });
}

export const SLOW_START_NOTE =
  `Slow start: one iperf3 connection for ${SECONDS} s behind 48 Mbit/s, ${RTT_MILLIS} ms and a queue of one product; how ` +
  'long the first megabyte takes.';
