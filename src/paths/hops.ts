// What is known of the ways to a peer: for each candidate source port the routers it passes, as far as they were
// looked for. Two candidates take one route when nothing tells their routers apart.

/** Of a router that does not say who it is; it may still tell two routes apart, one with an answer and one without. */
export const UNKNOWN_HOP = '';

/** The routers on the way of each candidate, the nearest first, by the number of the candidate. */
export type Hops = ReadonlyMap<number, readonly string[]>;

/** Names the route of a list of routers, or its first part. */
export function routeKey(hops: readonly string[], length = hops.length): string {
  return hops.slice(0, length).join(' ');
}

/** Candidates by what is known of their routes, in their order. */
export function groupByRoute(hops: Hops): number[][] {
  const groups = new Map<string, number[]>();
  for (const [candidate, list] of hops) {
    const key = routeKey(list);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [candidate]);
    else group.push(candidate);
  }
  return [...groups.values()];
}

/** True when a router on any way said who it is. */
export function isKnown(hops: Hops): boolean {
  for (const list of hops.values()) if (list.some((hop) => hop !== UNKNOWN_HOP)) return true;
  return false;
}
