// The candidate that a slot should move to: on a route that nothing bad is on, that is not slow, and that has not its share of the
// slots yet, as far as routes are known; then the one that has not failed for longest (ZooRoute §8). In this order, since else
// faults of some routes, one after the other, leave all slots on the last.

import type { Candidates } from './candidates.ts';
import { CANDIDATES, type PathTable, SLOTS } from './path-table.ts';
import type { Rebinding } from './rebinding.ts';
import { PORT_BAD, PORT_RESTING } from './reroute/slow-table.ts';
import { SLOT_BAD, SLOT_HEALTHY } from './slot-health.ts';

/** Candidates that have not failed for about as long are alike. */
const ALIKE_MICROS = 60_000_000;

interface RoutesOfPeer {
  /** How many slots that work, or will, are on each. */
  readonly inUse: ReadonlyMap<number, number>;
  /** Those that something bad is on. */
  readonly bad: ReadonlySet<number>;
  readonly known: ReadonlySet<number>;
}

export class BestCandidate {
  private readonly paths: PathTable;
  private readonly candidates: Candidates;
  private readonly rebinding: Rebinding;

  constructor(paths: PathTable, candidates: Candidates, rebinding: Rebinding) {
    this.paths = paths;
    this.candidates = candidates;
    this.rebinding = rebinding;
  }

  /** -1 when no free one is known to work, or none of those that will do. */
  of(now: number, peer: number, willDo: (candidate: number) => boolean): number {
    const { candidates } = this;
    const { inUse, bad, known } = this.routesOf(peer);
    const fairShare = Math.ceil(SLOTS / Math.max(1, known.size));
    let best = -1;
    let bestRank: readonly number[] = [];
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      if (!candidates.answers(peer, candidate) || !willDo(candidate)) continue;
      if (this.paths.slotOf(peer, candidate) >= 0 || this.rebinding.isTarget(peer, candidate)) continue;
      const state = candidates.stateOf(peer, candidate);
      const route = this.paths.candidateRouteOf(peer, candidate);
      const failureFree = now - candidates.failureFreeSince(peer, candidate);
      const sharing = inUse.get(route) ?? 0;
      const rank = [
        state === PORT_BAD ? 1 : 0,
        route !== 0 && bad.has(route) ? 1 : 0,
        candidates.isSlow(peer, candidate) ? 1 : 0,
        sharing < fairShare ? 0 : 1,
        state === PORT_RESTING ? 1 : 0,
        sharing,
        -Math.floor(failureFree / ALIKE_MICROS),
        candidates.rttMicros(peer, candidate),
      ];
      if (best >= 0 && !isBefore(rank, bestRank)) continue;
      best = candidate;
      bestRank = rank;
    }
    return best;
  }

  private routesOf(peer: number): RoutesOfPeer {
    const { paths, candidates } = this;
    const inUse = new Map<number, number>();
    const bad = new Set<number>();
    const known = new Set<number>();
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      const route = paths.candidateRouteOf(peer, candidate);
      if (route === 0) continue;
      known.add(route);
      if (candidates.stateOf(peer, candidate) === PORT_BAD) bad.add(route);
      const slot = paths.slotOf(peer, candidate);
      const isUsed = slot >= 0 && paths.stateOf(peer, slot) === SLOT_HEALTHY;
      if (isUsed || this.rebinding.isTarget(peer, candidate)) inUse.set(route, (inUse.get(route) ?? 0) + 1);
      if (slot >= 0 && paths.stateOf(peer, slot) === SLOT_BAD) bad.add(route);
    }
    return { inUse, bad, known };
  }
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}
