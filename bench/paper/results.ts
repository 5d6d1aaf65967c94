// What was measured for the document of a paper, as data that is kept beside it: the document can be written again, and
// anyone can check it.
import type { BenchOutcome, Series } from '../harness/bench.ts';
import { type OutcomeTable, outcomeTable } from '../harness/report.ts';
import type { Summary } from '../harness/statistics.ts';
import type { PeerName } from '../peers/peer.ts';
import type { Machine } from './machine.ts';

export interface PaperResults {
  readonly paper: string;
  readonly benches: Readonly<Record<string, BenchResult>>;
}

export type BenchResult = MeasuredBench | { readonly failure: string };

/** Each says where and when, since they may be measured again one by one. */
export interface MeasuredBench {
  readonly quick: boolean;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly peers: readonly { readonly name: PeerName; readonly title: string; readonly settings: string }[];
  readonly table: OutcomeTable;
  /** peer → case → metric. */
  readonly measured: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Summary>>>>>>;
  readonly ratios: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  readonly series: readonly Series[];
}

export function resultOf(
  outcome: BenchOutcome,
  how: Pick<MeasuredBench, 'quick' | 'machine' | 'seconds'>,
): MeasuredBench {
  const { rounds, peers, measured, ratios, notes, series = [] } = outcome;
  const known = Object.entries(ratios).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return {
    ...how,
    rounds,
    peers: peers.map(({ name, title, settings }) => ({ name, title, settings })),
    table: outcomeTable(outcome),
    measured: measured.toJSON(),
    ratios: Object.fromEntries(known),
    notes,
    series,
  };
}
