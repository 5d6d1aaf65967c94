// A distribution as a curve: for each share the value that it does not exceed.
import { ascending, percentileOf } from './percentiles.ts';

const STEPS = 100;

/** From the least value to the largest, in at most so many steps. */
export function cumulative(values: readonly number[]): [value: number, share: number][] {
  if (values.length === 0) return [];
  const sorted = ascending(values);
  const steps = Math.min(STEPS, sorted.length);
  return Array.from({ length: steps + 1 }, (_, step) => [percentileOf(sorted, step / steps), step / steps]);
}
