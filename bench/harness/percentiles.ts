// A distribution as cases of a table: the value that each share of all runs did not exceed.
import type { PeerName } from '../peers/peer.ts';
import type { Measurements } from './measurements.ts';

export const PERCENTILES = [0, 10, 25, 50, 75, 90, 100] as const;

export function recordPercentiles(
  measured: Measurements,
  peer: PeerName,
  metric: string,
  values: readonly number[],
): void {
  const sorted = ascending(values);
  for (const percent of PERCENTILES) {
    measured.record(peer, percentileCase(percent), { [metric]: percentileOf(sorted, percent / 100) });
  }
}

export function percentileCase(percent: number): string {
  return percent === 0 ? 'worst' : percent === 100 ? 'best' : `p${percent}`;
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** Of at least one value, in ascending order: nearest rank. */
export function percentileOf(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
