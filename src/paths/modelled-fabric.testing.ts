// A fabric as a prober sees it, in virtual time: each source port takes some way through it, and the router where a
// probe's TTL ends answers, unless it never does or has answered enough: six at once and then one a second, as Linux.

import { SeededRng } from '../base/rng.ts';
import { CANDIDATES, SLOTS } from './path-table.ts';
import { type ReroutingReport, RouteFinder, type SlotBinding, type SlotHealth } from './routes.ts';
import { SLOT_HEALTHY } from './slot-health.ts';

/** The routers on the way of a candidate to a peer; the peer itself is behind the last. */
export type Way = (candidate: number, peer: number) => readonly string[];

const ANSWER_MICROS = 300;
const BURST = 6;
const SECOND = 1_000_000;

interface Bucket {
  tokens: number;
  since: number;
}

export class ModelledFabric {
  now = 1_000_000;
  way: Way;
  readonly silent = new Set<string>();
  /** When each probe was sent, and how many reached the peer itself. */
  readonly sentAt: number[] = [];
  arrived = 0;
  /** What the slots of each peer were last told to use. */
  readonly slots: (readonly SlotBinding[])[];
  /** What the switch says of rerouting. */
  rerouting: ReroutingReport = { moves: 0, badCandidates: 0 };
  /** And the routes of its candidates. */
  readonly routes: (readonly number[])[] = [];
  changes = 0;
  readonly finder: RouteFinder;
  private readonly buckets = new Map<string, Bucket>();
  private answers: { at: number; peer: number; candidate: number; ttl: number; router: string }[] = [];

  constructor(way: Way, peers = 1) {
    this.way = way;
    const candidates = Array.from({ length: CANDIDATES }, (_, candidate) => candidate);
    this.finder = new RouteFinder(peers, candidates, this.now);
    this.slots = Array.from({ length: peers }, () =>
      Array.from({ length: SLOTS }, (_, slot) => ({ candidate: slot, route: 0 })),
    );
  }

  pass(seconds: number): void {
    this.passUntil(() => false, seconds);
  }

  /** Until it is so, for `seconds` at most; true when it came to be so. */
  passUntil(isSo: () => boolean, seconds: number): boolean {
    const end = this.now + seconds * SECOND;
    while (!isSo()) {
      this.turn();
      const next = Math.min(this.finder.nextTimeout(this.now), ...this.answers.map(({ at }) => at));
      if (next > end) {
        this.now = end;
        return isSo();
      }
      this.now = Math.max(next, this.now);
    }
    return true;
  }

  /** What the switch says of a peer's slots. */
  health(change: (slot: number) => Partial<SlotHealth> = () => ({}), peer = 0): void {
    const slots = this.slots[peer]!.map((binding, slot) => ({
      ...binding,
      state: SLOT_HEALTHY,
      rttMicros: 100,
      ...change(slot),
    }));
    this.finder.onReport(this.now, peer, slots, this.rerouting);
  }

  /** How many slots of a peer take each way, the fewest first. */
  spread(peer = 0): number[] {
    const counts = new Map<string, number>();
    for (const { candidate } of this.slots[peer]!) {
      const key = this.way(candidate, peer).join(' ');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts.values()].sort();
  }

  /** The most probes in any second. */
  get mostInASecond(): number {
    const { sentAt } = this;
    let first = 0;
    let most = 0;
    for (let last = 0; last < sentAt.length; last++) {
      while (sentAt[first]! <= sentAt[last]! - SECOND) first++;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  private turn(): void {
    const { finder, now } = this;
    for (const { peer, candidate, ttl, router } of this.answers.filter(({ at }) => at <= now)) {
      finder.onAnswer({ peer, candidate, ttl }, router);
    }
    this.answers = this.answers.filter(({ at }) => at > now);
    for (let probe = finder.poll(now); probe !== undefined; probe = finder.poll(now)) {
      this.sentAt.push(now);
      const router = this.way(probe.candidate, probe.peer)[probe.ttl - 1];
      if (router === undefined) this.arrived++;
      else if (this.isWilling(router)) this.answers.push({ ...probe, router, at: now + ANSWER_MICROS });
    }
    for (let change = finder.takeChange(); change !== undefined; change = finder.takeChange()) {
      this.slots[change.peer] = change.slots;
      this.routes[change.peer] = change.routes;
      this.changes++;
    }
  }

  private isWilling(router: string): boolean {
    if (this.silent.has(router)) return false;
    const bucket = this.buckets.get(router) ?? { tokens: BURST, since: this.now };
    this.buckets.set(router, bucket);
    bucket.tokens = Math.min(BURST, bucket.tokens + (this.now - bucket.since) / SECOND);
    bucket.since = this.now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

/** A number below `bound` for each candidate: what ECMP makes of its source port, by the seed of a router. */
export function ecmp(candidate: number, seed: number, bound: number): number {
  return new SeededRng(seed * 1000 + candidate).u32() % bound;
}

/** Two leaves and some spines. */
export function leafSpine(spines: readonly number[], seed = 1): Way {
  return (candidate) => ['leaf1', `spine${spines[ecmp(candidate, seed, spines.length)]}`, 'leaf2'];
}
