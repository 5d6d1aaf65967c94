// One look at the ways to one peer, from as many source ports as wanted: which routers each passes, and how long the way to
// the last of them and back takes. What `discovery.ts` finds out for eight slots, here without that bound and once. No I/O
// and no clock: it says which probe to send next and is told the answers.

import { discover, measure } from './discovery.ts';
import { groupByRoute, type Hops, UNKNOWN_HOP } from './hops.ts';
import { Inquiry, PATIENT, type Patience } from './inquiry.ts';

/** Between two probes. */
const PROBE_GAP_MICROS = 10_000;
const MAX_TTL = 64;
/** Candidates whose ways are measured to their ends. */
const RULERS = 3;
/** With those that were not heard of at all, there is nothing to wait for. */
const BRIEF: Patience = { ...PATIENT, tries: 2 };

export interface SurveyProbe {
  readonly candidate: number;
  readonly ttl: number;
}

export class RouteSurvey {
  /** The routers on the way of each candidate; empty until it is done. */
  hops: Hops = new Map();
  isDone = false;
  private readonly look: Generator<Inquiry, Hops, void>;
  private inquiry: Inquiry | undefined;
  private nextProbeAt = Number.NEGATIVE_INFINITY;
  private readonly sentAt = new Map<number, number>();
  private readonly rttMicros = new Map<number, number>();

  /** `candidates` are numbers of source ports. */
  constructor(candidates: readonly number[]) {
    this.look = survey(candidates);
    this.step();
  }

  /** The probe to send now, or undefined: none before `nextTimeout`. */
  poll(now: number): SurveyProbe | undefined {
    if (now < this.nextProbeAt) return undefined;
    for (; this.inquiry !== undefined; this.step()) {
      const { inquiry } = this;
      const candidate = inquiry.ask(now);
      if (candidate >= 0) {
        this.nextProbeAt = now + PROBE_GAP_MICROS;
        this.sentAt.set(key(candidate, inquiry.ttl), now);
        return { candidate, ttl: inquiry.ttl };
      }
      if (!inquiry.isDone) return undefined;
    }
    return undefined;
  }

  /** A router says that a probe's TTL ended there. */
  onAnswer(now: number, { candidate, ttl }: SurveyProbe, router: string): void {
    const sentAt = this.sentAt.get(key(candidate, ttl));
    if (sentAt === undefined) return;
    const least = this.rttMicros.get(key(candidate, ttl)) ?? Number.POSITIVE_INFINITY;
    this.rttMicros.set(key(candidate, ttl), Math.min(least, now - sentAt));
    if (this.inquiry?.ttl === ttl) this.inquiry.onAnswer(candidate, router);
  }

  /** When `poll` is needed again though no answer comes. */
  nextTimeout(now: number): number {
    return Math.max(this.inquiry?.nextTimeout(now) ?? now, this.nextProbeAt);
  }

  /** The least round trip seen to the router at this distance by one of the candidates; undefined if none was measured. */
  rtt(candidates: readonly number[], ttl: number): number | undefined {
    const seen = candidates.flatMap((candidate) => this.rttMicros.get(key(candidate, ttl)) ?? []);
    return seen.length === 0 ? undefined : Math.min(...seen);
  }

  private step(): void {
    const next = this.look.next();
    this.inquiry = next.done ? undefined : next.value;
    if (!next.done) return;
    this.hops = next.value;
    this.isDone = true;
  }
}

/** How far routers on a way are known. */
export function lastKnown(hops: readonly string[]): number {
  return hops.findLastIndex((hop) => hop !== UNKNOWN_HOP) + 1;
}

function* survey(candidates: readonly number[]): Generator<Inquiry, Hops, void> {
  const [first] = candidates;
  if (candidates.length === 1) return new Map([[first!, yield* measure(first!)]]);
  let known = 0;
  // The way of one may be broken, and would say that the others end there, too.
  for (const one of candidates.slice(1, RULERS)) known = Math.max(known, (yield* measure(one)).length);
  const found = yield* discover(candidates, known, 0, Number.POSITIVE_INFINITY);
  const hops = yield* complete(found);
  // Routes that meet again behind where they part were not all asked there.
  const firsts = groupByRoute(hops).map((group) => group[0]!);
  const distances = new Set(firsts.map((candidate) => lastKnown(hops.get(candidate)!)));
  for (const ttl of distances) {
    const asked = firsts.filter((candidate) => lastKnown(hops.get(candidate)!) === ttl);
    if (ttl > 0) yield new Inquiry(ttl, asked, BRIEF);
  }
  return hops;
}

/** Those that were alone on their way were not followed to its end. */
function* complete(found: Hops): Generator<Inquiry, Hops, void> {
  const hops = new Map([...found].map(([candidate, list]) => [candidate, [...list]]));
  const longest = Math.max(...[...hops.values()].map((list) => list.length));
  for (let ttl = 1; ttl <= longest; ttl++) {
    const missing = [...hops].filter(([, list]) => list.length < ttl);
    if (missing.length === 0) continue;
    const inquiry = new Inquiry(
      ttl,
      missing.map(([candidate]) => candidate),
      BRIEF,
    );
    yield inquiry;
    for (const [candidate, list] of missing) list.push(inquiry.answers.get(candidate)!);
  }
  return hops;
}

function key(candidate: number, ttl: number): number {
  return candidate * MAX_TTL + ttl;
}
