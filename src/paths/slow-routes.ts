// What follows when a slot has been slow for long (ZooRoute §8): all candidates are asked for some seconds, and it moves to one that
// is clearly faster. Its own candidate must be slow, too, when it is answered by another slot: where that is fast, the way
// back is slow, and the peer, which measures the same round trips, moves its slot.
//
// All candidates that are as slow are held for half an hour: they are offered to nobody who spreads slots over routes, and come
// last when a slot is left. After that the route is one like any other, and two minutes show whether it still is slow.

import type { BestCandidate } from './best-candidate.ts';
import type { Candidates } from './candidates.ts';
import {
  type Decisions,
  MOVED_FOR_SLOWNESS,
  STAYS_FOR_NONE_FASTER,
  STAYS_FOR_WAY_BACK,
} from './decisions.ts';
import { CANDIDATES, type PathTable, SLOTS } from './path-table.ts';
import type { Rebinding } from './rebinding.ts';
import { PORT_BAD } from './reroute/slow-table.ts';
import { isMuchSlower } from './round-trips.ts';
import { SLOT_HEALTHY } from './slot-health.ts';

/** Candidates are asked once a second: so often that the fastest of what came back is no chance. */
const MEASURE_MICROS = 5_000_000;

/** Slots of a peer that are slow, one bit each, and when it is decided what becomes of them. */
interface Measured {
  readonly slots: number;
  readonly dueMicros: number;
}

export type SlowRoutesState = readonly (readonly [peer: number, measured: Measured])[];

export class SlowRoutes {
  private readonly paths: PathTable;
  private readonly candidates: Candidates;
  private readonly rebinding: Rebinding;
  private readonly best: BestCandidate;
  private readonly decisions: Decisions;
  private readonly measured: Map<number, Measured>;

  constructor(
    paths: PathTable,
    candidates: Candidates,
    rebinding: Rebinding,
    best: BestCandidate,
    decisions: Decisions,
    old?: SlowRoutesState,
  ) {
    this.paths = paths;
    this.candidates = candidates;
    this.rebinding = rebinding;
    this.best = best;
    this.decisions = decisions;
    this.measured = new Map(old);
  }

  save(): SlowRoutesState {
    return [...this.measured];
  }

  slotSlow(now: number, peer: number, slot: number): void {
    const { paths, measured } = this;
    if (this.rebinding.isMoving(peer, slot)) return;
    this.decisions.add(now, 'slot-slow', peer, slot, paths.candidateOf(peer, slot));
    const before = measured.get(peer);
    if (before === undefined) this.candidates.measure(now, peer);
    const { slots, dueMicros } = before ?? { slots: 0, dueMicros: now + MEASURE_MICROS };
    measured.set(peer, { slots: slots | (1 << slot), dueMicros });
  }

  settle(now: number): void {
    if (this.measured.size === 0) return;
    for (const [peer, { slots, dueMicros }] of this.measured) {
      if (now < dueMicros) continue;
      this.measured.delete(peer);
      for (let slot = 0; slot < SLOTS; slot++) if (((slots >> slot) & 1) === 1) this.decide(now, peer, slot);
    }
  }

  nextTimeout(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { dueMicros } of this.measured.values()) due = Math.min(due, dueMicros);
    return due;
  }

  private decide(now: number, peer: number, slot: number): void {
    const { paths, candidates, decisions } = this;
    const isStillSo = paths.stateOf(peer, slot) === SLOT_HEALTHY && paths.isSlow(peer, slot);
    if (!isStillSo || this.rebinding.isMoving(peer, slot)) return;
    const candidate = paths.candidateOf(peer, slot);
    const own = candidates.leastRttMicros(peer, candidate);
    const usual = this.usual(peer);
    const isWayBack = own > 0 && !isMuchSlower(own, usual);
    const isFaster = (other: number) => {
      if (candidates.stateOf(peer, other) === PORT_BAD || candidates.isSlow(peer, other)) return false;
      const rtt = candidates.leastRttMicros(peer, other);
      return rtt > 0 && isMuchSlower(own, rtt) && !isMuchSlower(rtt, usual);
    };
    const best = isWayBack ? -1 : this.best.of(now, peer, isFaster);
    if (best < 0) {
      const why = isWayBack ? STAYS_FOR_WAY_BACK : STAYS_FOR_NONE_FASTER;
      decisions.add(now, 'slow-stays', peer, slot, candidate, 0, why);
      return;
    }
    this.hold(now, peer, candidate, usual);
    const route = paths.candidateRouteOf(peer, best);
    this.rebinding.move(now, peer, slot, best, route, MOVED_FOR_SLOWNESS);
  }

  /** What most candidates that were measured take. */
  private usual(peer: number): number {
    const all = Array.from({ length: CANDIDATES }, (_, each) => this.candidates.leastRttMicros(peer, each));
    const known = all.filter((rtt) => rtt > 0).sort((a, b) => a - b);
    return known[(known.length - 1) >> 1] ?? Number.POSITIVE_INFINITY;
  }

  /** Holds all candidates that are slow, and of the slow route those that were not measured. */
  private hold(now: number, peer: number, slow: number, usual: number): void {
    const { paths, candidates } = this;
    const slowRoute = paths.candidateRouteOf(peer, slow);
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      const rtt = candidates.leastRttMicros(peer, candidate);
      const isOfRoute = slowRoute !== 0 && paths.candidateRouteOf(peer, candidate) === slowRoute;
      const isFree = paths.slotOf(peer, candidate) < 0;
      if (rtt > 0 ? isMuchSlower(rtt, usual) : isOfRoute && isFree) candidates.hold(now, peer, candidate);
    }
  }
}
