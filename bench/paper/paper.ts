// What the document of a paper says of each figure, besides what is measured: which benchmark repeats it, what the paper
// found, what the set-up has different, which curves to draw.
import type { Chart } from './chart.ts';
import type { MeasuredBench } from './results.ts';

export interface Paper {
  /** As it is named on the command line, and its files. */
  readonly name: string;
  readonly title: string;
  /** Where its measurements took place, and where ours do: a paragraph each. */
  readonly introduction: readonly string[];
  readonly sections: readonly PaperSection[];
}

export interface PaperSection {
  /** Such as “Figure 20”. */
  readonly figures: string;
  readonly title: string;
  readonly bench: string;
  /** What is done, in a sentence or two. */
  readonly about: string;
  readonly paperFound: string;
  readonly differs: readonly string[];
  readonly bounds: readonly Bound[];
  readonly charts: (bench: MeasuredBench) => readonly NamedChart[];
}

export interface NamedChart {
  /** Part of a file's name. */
  readonly name: string;
  readonly chart: Chart;
}

/** A ratio of the benchmark, and what is asked of it. */
export interface Bound {
  readonly ratio: string;
  readonly what: string;
  /** The paper's own, in its words. */
  readonly paper: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}
