// What a benchmark is, and what it hands over.
import type { Contender } from '../peers/peer.ts';
import type { Progress } from '../testbed.ts';
import type { Measurements } from './measurements.ts';
import type { Ratios } from './ratios.ts';

export interface BenchOptions {
  /** Fewer cases or one round; ends within 100 s. */
  readonly quick: boolean;
  readonly progress: Progress;
}

export interface Column {
  readonly metric: string;
  readonly title: string;
  /** Counts are added up over the rounds. */
  readonly total?: true;
}

/** A curve of a chart: what a table cannot show. */
export interface Series {
  /** Curves of one chart have the same. */
  readonly chart: string;
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface BenchOutcome {
  readonly rounds: number;
  readonly peers: readonly Contender[];
  readonly columns: readonly Column[];
  readonly measured: Measurements;
  readonly ratios: Ratios;
  /** Conditions and what else a reader must know, a sentence each. */
  readonly notes: readonly string[];
  readonly series?: readonly Series[];
}

export type Bench = (options: BenchOptions) => Promise<BenchOutcome>;
