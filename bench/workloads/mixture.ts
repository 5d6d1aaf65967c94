// The percentiles of several distributions taken together, of which only percentiles are known: between two of them a
// distribution is taken to be even.
export interface Distribution {
  /** How many values it is of. */
  readonly weight: number;
  /** The values that 0, 1, … 100 percent do not exceed, in ascending order. */
  readonly percentiles: readonly number[];
}

const STEPS = 60;

/** What `share` (0 to 1) of all values do not exceed. */
export function mixedPercentile(distributions: readonly Distribution[], share: number): number {
  const total = distributions.reduce((sum, { weight }) => sum + weight, 0);
  const below = (value: number) =>
    distributions.reduce((sum, { weight, percentiles }) => sum + weight * shareBelow(percentiles, value), 0) /
    total;
  let low = Math.min(...distributions.map(({ percentiles }) => percentiles[0]!));
  let high = Math.max(...distributions.map(({ percentiles }) => percentiles.at(-1)!));
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (below(middle) >= share) high = middle;
    else low = middle;
  }
  return high;
}

function shareBelow(percentiles: readonly number[], value: number): number {
  const above = percentiles.findIndex((each) => each > value);
  if (above < 0) return 1;
  if (above === 0) return 0;
  const [from, to] = [percentiles[above - 1]!, percentiles[above]!];
  return (above - 1 + (value - from) / (to - from)) / (percentiles.length - 1);
}
