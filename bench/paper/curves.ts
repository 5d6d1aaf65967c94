// From a benchmark's results to the series of a chart: one for each peer.
import type { ChartSeries, Point } from './chart.ts';
import type { MeasuredBench } from './results.ts';

/** A metric over cases that stand for values of x, such as shares of loss. Peers without any are left out. */
export function overCases(
  { peers, measured }: MeasuredBench,
  metric: string,
  cases: readonly (readonly [x: number, situation: string])[],
): ChartSeries[] {
  return peers
    .map(({ name, title }) => ({
      name: title,
      points: cases.flatMap(([x, situation]): Point[] => {
        const summary = measured[name]?.[situation]?.[metric];
        return summary === undefined ? [] : [{ x, y: summary.median, low: summary.min, high: summary.max }];
      }),
    }))
    .filter(({ points }) => points.length > 0);
}

/** The same for bars: a group for each case. */
export function inGroups(bench: MeasuredBench, metric: string, cases: readonly string[]): ChartSeries[] {
  return overCases(
    bench,
    metric,
    cases.map((situation, index) => [index, situation]),
  );
}

/** The curves that the benchmark itself drew for a chart. */
export function drawn({ series }: MeasuredBench, chart: string): ChartSeries[] {
  return series
    .filter((each) => each.chart === chart)
    .map(({ name, points }) => ({ name, points: points.map(([x, y]) => ({ x, y })) }));
}
