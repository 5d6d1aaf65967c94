// Which candidate source port each of a peer's eight slots uses: as many distinct routes as there are, evenly, and
// where routes share their first hops, those evenly too. What serves as well as anything else stays where it is.

import { type Hops, routeKey } from './hops.ts';

/** The candidate of each slot; `current` is what they use now. Every candidate is used once at most. */
export function chooseSlots(hops: Hops, current: readonly number[]): number[] {
  const used = new Map<string, number>();
  const left = new Set(hops.keys());
  const chosen = new Set<number>();
  while (chosen.size < current.length && left.size > 0) {
    const best = leastUsed([...left], hops, used, current);
    left.delete(best);
    chosen.add(best);
    for (const key of keysOf(hops.get(best)!)) used.set(key, (used.get(key) ?? 0) + 1);
  }
  const added = [...chosen].filter((candidate) => !current.includes(candidate));
  return current.map((candidate) => (chosen.has(candidate) ? candidate : (added.shift() ?? candidate)));
}

interface Ranked {
  readonly candidate: number;
  /** How often its route, and then each part of it, is used already. */
  readonly uses: readonly number[];
  readonly stays: boolean;
}

function leastUsed(
  candidates: readonly number[],
  hops: Hops,
  used: ReadonlyMap<string, number>,
  current: readonly number[],
): number {
  const ranked = candidates.map((candidate) => ({
    candidate,
    uses: keysOf(hops.get(candidate)!).map((key) => used.get(key) ?? 0),
    stays: current.includes(candidate),
  }));
  return ranked.reduce((best, next) => (isBetter(next, best) ? next : best)).candidate;
}

/** The whole route, and then its parts from the nearest hop on: in this order evenness matters. */
function keysOf(hops: readonly string[]): string[] {
  return [`whole ${routeKey(hops)}`, ...hops.map((_, i) => routeKey(hops, i + 1))];
}

function isBetter(a: Ranked, b: Ranked): boolean {
  for (let i = 0; i < Math.min(a.uses.length, b.uses.length); i++) {
    if (a.uses[i] !== b.uses[i]) return a.uses[i]! < b.uses[i]!;
  }
  return a.stays && !b.stays;
}
