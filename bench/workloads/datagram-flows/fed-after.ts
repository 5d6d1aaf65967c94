// How soon a receiver that becomes faster gets what it can take, from the lines that it wrote (Backdraft §6.3, figure 15).
import type { Told } from './cases.ts';

/** It counts as fed from when on it gets this part of what it can take, over so long. */
export const FED = 0.95;
export const FED_WINDOW_MILLIS = 50;

/** From when on a receiver that is twice as fast as before gets as much as it can take. */
export function fedAfterMillis(timeline: readonly Told[], packetsPerSecond: number): number {
  const since = timeline.find(({ fasterSinceMillis }) => fasterSinceMillis !== undefined)?.fasterSinceMillis;
  if (since === undefined) return Number.POSITIVE_INFINITY;
  const later = timeline.filter(({ atMillis }) => atMillis >= since);
  for (const [i, start] of later.entries()) {
    const end = later.slice(i).find(({ atMillis }) => atMillis >= start.atMillis + FED_WINDOW_MILLIS);
    if (end === undefined) break;
    const rate = ((end.packets - start.packets) / (end.atMillis - start.atMillis)) * 1000;
    if (rate >= FED * packetsPerSecond) return start.atMillis - since;
  }
  return Number.POSITIVE_INFINITY;
}
