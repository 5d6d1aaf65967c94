// Routes to all peers, and which of our source ports the eight slots of each should use (BIFROST §4.1 maps a port to
// each physical path; here it is found out which). No I/O and no clock: it says which probe to send next, is told the
// answers, and says which slots should change.
//
// One peer at a time, those in use first; never more than a hundred probes a second in all. A peer is looked at again
// when one of its slots turns bad or takes another time than it used to, and otherwise the less often, the longer
// nothing has changed. Where routers do not answer, slots stay as they are.

import { chooseSlots } from './choose-slots.ts';
import { discover, type Verdict, verify } from './discovery.ts';
import { type Hops, isKnown, routeKey } from './hops.ts';
import type { Inquiry } from './inquiry.ts';
import { CANDIDATES, SLOTS } from './path-table.ts';
import { RttShift } from './rtt-shift.ts';
import { SLOT_BAD } from './slot-health.ts';

/** Between two probes, to whichever peer. */
const PROBE_GAP_MICROS = 10_000;
const FIRST_INTERVAL_MICROS = 5_000_000;
const MAX_INTERVAL_MICROS = 300_000_000;
/** Numbers that a route can have: one bit each. */
const MAX_ROUTES = 30;

export interface RouteProbe {
  readonly peer: number;
  /** Number of the source port: `underlay.sourcePorts` and so many more. */
  readonly candidate: number;
  readonly ttl: number;
}

/** What a slot should use; `route` is a small number, the same for slots that share a route, and 0 where unknown. */
export interface SlotBinding {
  readonly candidate: number;
  readonly route: number;
}

/** What the transport measured of a slot. */
export interface SlotHealth {
  readonly state: number;
  readonly rttMicros: number;
}

/** What the switch found out about a peer's candidates. */
export interface ReroutingReport {
  /** How often it moved a slot for a fault. */
  readonly moves: number;
  /** Candidates that do not work, one bit each. */
  readonly badCandidates: number;
}

/** What a peer's slots should use, and the route of each candidate. */
export interface SlotsChange {
  readonly peer: number;
  readonly slots: readonly SlotBinding[];
  readonly routes: readonly number[];
}

/** Of a slot, what was measured and what it uses. */
export interface SlotReport extends SlotHealth, SlotBinding {}

interface Peer {
  readonly number: number;
  readonly shift: RttShift;
  hops: Hops;
  bound: number[];
  lookedAt: number;
  dueMicros: number;
  intervalMicros: number;
  /** What is known may be wrong: find it anew instead of looking whether it is the same. */
  stale: boolean;
  inUse: boolean;
  /** Slots that were bad when last heard of, one bit each. */
  bad: number;
  badCandidates: number;
  /** Slots that the switch moved by itself, and whether slots are to be chosen though routes are the same. */
  moves: number;
  chooses: boolean;
  looks: number;
}

/** Ends with what was found, or how what was known stands up. */
type Look = Generator<Inquiry, Hops | Verdict, void>;

export class RouteFinder {
  private readonly candidates: readonly number[];
  private readonly peers: Peer[];
  private readonly changed: Peer[] = [];
  private current: { readonly peer: Peer; readonly look: Look; readonly inquiry: Inquiry } | undefined;
  private nextProbeAt = 0;

  /** `candidates` are the numbers of the source ports there are; at first each slot uses that of its own number. */
  constructor(peers: number, candidates: readonly number[], nowMicros: number) {
    this.candidates = candidates;
    this.peers = Array.from({ length: peers }, (_, number) => ({
      number,
      shift: new RttShift(),
      hops: new Map(),
      bound: Array.from({ length: SLOTS }, (_, slot) => slot),
      lookedAt: Number.NEGATIVE_INFINITY,
      dueMicros: nowMicros,
      intervalMicros: FIRST_INTERVAL_MICROS,
      stale: true,
      inUse: false,
      bad: 0,
      badCandidates: 0,
      moves: 0,
      chooses: false,
      looks: 0,
    }));
  }

  /** The probe to send now, or undefined: none before `nextTimeout`. */
  poll(now: number): RouteProbe | undefined {
    if (now < this.nextProbeAt) return undefined;
    for (this.begin(now); this.current !== undefined; this.begin(now)) {
      const { peer, look, inquiry } = this.current;
      const candidate = inquiry.ask(now);
      if (candidate >= 0) {
        this.nextProbeAt = now + PROBE_GAP_MICROS;
        return { peer: peer.number, candidate, ttl: inquiry.ttl };
      }
      if (!inquiry.isDone) return undefined;
      this.step(now, peer, look);
    }
    return undefined;
  }

  /** A router says that a probe's TTL ended there. */
  onAnswer({ peer, candidate, ttl }: RouteProbe, router: string): void {
    const { current } = this;
    if (current?.peer.number !== peer || current.inquiry.ttl !== ttl) return;
    current.inquiry.onAnswer(candidate, router);
  }

  /** What the switch knows of a peer's slots, every second or so: a change there may be one of routes. */
  onReport(
    now: number,
    peer: number,
    slots: readonly SlotReport[],
    { moves, badCandidates }: ReroutingReport,
  ): void {
    const it = this.peers[peer]!;
    const isRerouted = moves > it.moves;
    // What slots were moved to for a fault is what to go on from.
    if (isRerouted) it.bound = it.bound.map((candidate, slot) => settled(slots[slot]!) ?? candidate);
    it.moves = moves;
    // The switch has not come to it yet, or was started afresh and has forgotten it.
    const isBound = slots.every(({ candidate }, slot) => candidate === it.bound[slot]);
    if (!isBound && !isRerouted) this.tell(it);
    if (!isBound || isRerouted) it.shift.forget();
    it.inUse = slots.some(({ rttMicros }) => rttMicros > 0);
    const bad = slots.reduce((bits, { state }, slot) => (state === SLOT_BAD ? bits | (1 << slot) : bits), 0);
    const turnedBad = (bad & ~it.bad) !== 0;
    it.bad = bad;
    // Also when they work again: a slot that shares its route is better there.
    const isOtherChoice = isRerouted || badCandidates !== it.badCandidates;
    it.badCandidates = badCandidates;
    it.chooses ||= isOtherChoice;
    const isShifted = isBound && it.shift.look(slots.map(({ rttMicros }) => rttMicros));
    if (!isShifted && !turnedBad && !isOtherChoice) return;
    it.stale = true;
    it.intervalMicros = FIRST_INTERVAL_MICROS;
    // Not at once when it was looked at a moment ago: what changes all the time cannot be followed.
    it.dueMicros = Math.min(it.dueMicros, Math.max(now, it.lookedAt + FIRST_INTERVAL_MICROS));
  }

  /** A peer whose slots should change, and how; undefined when none is left. */
  takeChange(): SlotsChange | undefined {
    const peer = this.changed.shift();
    if (peer === undefined) return undefined;
    const { bound, hops, number } = peer;
    const isKnownAtAll = isKnown(hops);
    const keyOf = (candidate: number) =>
      isKnownAtAll && hops.has(candidate) ? routeKey(hops.get(candidate)!) : '';
    // Those of slots have the first numbers.
    const keys = new Set([...bound, ...hops.keys()].map(keyOf).filter((key) => key !== ''));
    const routes = [...keys].slice(0, MAX_ROUTES);
    const routeOf = (candidate: number) => routes.indexOf(keyOf(candidate)) + 1;
    return {
      peer: number,
      slots: bound.map((candidate) => ({ candidate, route: routeOf(candidate) })),
      routes: Array.from({ length: CANDIDATES }, (_, candidate) => routeOf(candidate)),
    };
  }

  /** The routers on the way of a peer's candidate, as far as they matter; UNKNOWN_HOP for one that is silent. */
  hopsOf(peer: number, candidate: number): readonly string[] {
    return this.peers[peer]!.hops.get(candidate) ?? [];
  }

  /** Whether the peer was looked at and no router on the way to it answered. */
  isSilent(peer: number): boolean {
    const { hops, looks } = this.peers[peer]!;
    return looks > 0 && !isKnown(hops);
  }

  /** When `poll` is needed again though no answer comes; Infinity without peers. */
  nextTimeout(now: number): number {
    const due =
      this.current?.inquiry.nextTimeout(now) ?? Math.min(...this.peers.map(({ dueMicros }) => dueMicros));
    return Math.max(due, this.nextProbeAt);
  }

  private begin(now: number): void {
    if (this.current !== undefined) return;
    const due = this.peers.filter(({ dueMicros }) => dueMicros <= now);
    const peer = due.reduce<Peer | undefined>(
      (best, next) => (comesFirst(next, best) ? next : best),
      undefined,
    );
    if (peer === undefined) return;
    const { hops, bound, looks } = peer;
    const look: Look =
      peer.stale || !isKnown(hops)
        ? discover(this.candidates, depth(hops), looks)
        : verify(hops, bound, looks);
    peer.looks++;
    this.step(now, peer, look);
  }

  /** To the look's next inquiry, or to its end. */
  private step(now: number, peer: Peer, look: Look): void {
    const next = look.next();
    this.current = next.done ? undefined : { peer, look, inquiry: next.value };
    if (!next.done) return;
    peer.lookedAt = now;
    if (typeof next.value === 'string') this.verified(now, peer, next.value);
    else this.discovered(now, peer, next.value);
  }

  private discovered(now: number, peer: Peer, hops: Hops): void {
    const isNews = !sameHops(hops, peer.hops);
    peer.stale = false;
    peer.intervalMicros = isNews ? FIRST_INTERVAL_MICROS : longer(peer.intervalMicros);
    peer.dueMicros = now + peer.intervalMicros;
    if (!isNews && !peer.chooses) return;
    peer.chooses = false;
    peer.hops = hops;
    if (isKnown(hops)) peer.bound = chooseSlots(working(hops, peer.badCandidates), peer.bound);
    this.tell(peer);
  }

  private tell(peer: Peer): void {
    if (!this.changed.includes(peer)) this.changed.push(peer);
  }

  private verified(now: number, peer: Peer, verdict: Verdict): void {
    if (verdict === 'changed') {
      peer.stale = true;
      peer.dueMicros = now;
      return;
    }
    peer.intervalMicros = longer(peer.intervalMicros);
    peer.dueMicros = now + peer.intervalMicros;
  }
}

/** The routes of candidates that are not known to fail; of all, where slots would go short. */
function working(hops: Hops, badCandidates: number): Hops {
  const left = new Map([...hops].filter(([candidate]) => ((badCandidates >> candidate) & 1) === 0));
  return left.size < SLOTS ? hops : left;
}

/** Data threads may have different ones. */
function settled({ candidate }: SlotReport): number | undefined {
  return candidate < 0 ? undefined : candidate;
}

function comesFirst(a: Peer, b: Peer | undefined): boolean {
  if (b === undefined || a.inUse !== b.inUse) return b === undefined || a.inUse;
  return a.dueMicros < b.dueMicros;
}

function longer(intervalMicros: number): number {
  return Math.min(MAX_INTERVAL_MICROS, intervalMicros * 2);
}

/** How far routers are known. */
function depth(hops: Hops): number {
  return Math.max(0, ...[...hops.values()].map((list) => list.length));
}

function sameHops(a: Hops, b: Hops): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([candidate, list]) => list.join(' ') === b.get(candidate)?.join(' '));
}
