// The paths to each peer: eight slots, each a UDP source port of ours that the fabric hashes onto some route
// (BIFROST §4.1). A slot is healthy, suspect (it owes us an answer: nothing new is put on it while another is
// healthy) or bad (only probes). Round trips are judged whole, there and back on slots of the same number.
//
//   healthy ──timeout──▶ suspect ──another timeout, or probe unanswered──▶ bad
//   suspect ──acknowledgement by the slot, probe answered──▶ healthy     bad ──two probes in a row answered──▶ healthy

import { TimerWheel, type TimerWheelState } from '../base/timer-wheel.ts';
import { ALIKE_MICROS, RoundTrips, type RoundTripsState } from './round-trips.ts';
import {
  LEFT_PROBE,
  LEFT_SILENCE,
  type LeftWhy,
  SlotHistory,
  type SlotHistoryState,
  type SlotStory,
} from './slot-history.ts';

export const SLOTS = 8;
const ALL_SLOTS = 0xff;
/** Source ports that a slot may use; those of the first numbers are the slots' own at first. */
export const CANDIDATES = 32;

export const SLOT_HEALTHY = 0;
export const SLOT_SUSPECT = 1;
export const SLOT_BAD = 2;
export const SLOT_STATE_NAMES = ['healthy', 'suspect', 'bad'] as const;

const FIRST_PROBE_MICROS = 5000;
const MAX_PROBE_MICROS = 1_000_000;
const ANSWERS_TO_RECOVER = 2;

/** Slots that packets are sprayed over (BIFROST §4.1). */
const SPRAYED = 4;
/** How often the fastest are chosen anew, and how much faster another one must be: what changes costs reordering. */
const CHOOSE_MICROS = 1000;
const HYSTERESIS = 0.75;
/** How many times slower a slot may be that has a route of its own: together they carry more. */
const OWN_ROUTE = 2;
/** While a peer is sent to, its slots that are not used are asked for their round trips this often. */
const REFRESH_MICROS = 200_000;
/** Timeouts that a slot nothing is waiting for has for its answer. */
const PATIENT_PROBES = 4;
/** Times a slot left or came back to service, or changed its source port, for people. */
export interface PathChanges {
  suspected: number;
  failed: number;
  recovered: number;
  rebound: number;
}

export interface PathTableState {
  readonly peers: number;
  readonly state: Uint8Array;
  readonly answers: Uint8Array;
  readonly awaiting: Uint8Array;
  readonly suspectSince: Float64Array;
  readonly probeInterval: Float64Array;
  readonly chosen: Uint8Array;
  readonly chosenAt: Float64Array;
  readonly refreshAt: Float64Array;
  readonly candidate: Uint8Array;
  readonly route: Uint8Array;
  readonly trips: RoundTripsState;
  readonly probes: TimerWheelState;
  readonly history: SlotHistoryState;
  readonly changes: PathChanges;
}

export class PathTable {
  private peers: number;
  private state: Uint8Array;
  private answers: Uint8Array;
  private awaiting: Uint8Array;
  private suspectSince: Float64Array;
  private probeInterval: Float64Array;
  /** Of each peer, the slots to spray over as bits, when they were chosen, and when idle ones are next asked. */
  private chosen: Uint8Array;
  private chosenAt: Float64Array;
  private refreshAt: Float64Array;
  /** The source port of each slot, by its number, and a number from 1 to 8 for the route it takes; 0: unknown. */
  private candidate: Uint8Array;
  private route: Uint8Array;
  /** 1: the slot waits to be rid of what is in flight, to change its source port. */
  private draining: Uint8Array;
  private readonly trips: RoundTrips;
  private readonly probes: TimerWheel;
  private readonly history: SlotHistory;
  private readonly startedAt: number;
  readonly changes: PathChanges;

  constructor(nowMicros: number, old?: PathTableState) {
    this.peers = old?.peers ?? 0;
    this.state = old?.state ?? new Uint8Array(0);
    this.answers = old?.answers ?? new Uint8Array(0);
    this.awaiting = old?.awaiting ?? new Uint8Array(0);
    this.suspectSince = old?.suspectSince ?? new Float64Array(0);
    this.probeInterval = old?.probeInterval ?? new Float64Array(0);
    this.chosen = old?.chosen ?? new Uint8Array(0);
    this.chosenAt = old?.chosenAt ?? new Float64Array(0);
    this.refreshAt = old?.refreshAt ?? new Float64Array(0);
    this.candidate = old?.candidate ?? new Uint8Array(0);
    this.route = old?.route ?? new Uint8Array(0);
    this.draining = new Uint8Array(this.state.length);
    this.trips = new RoundTrips(old?.trips);
    this.probes = new TimerWheel(nowMicros, undefined, old?.probes);
    this.history = new SlotHistory(old?.history);
    this.startedAt = nowMicros;
    this.changes = old?.changes ?? { suspected: 0, failed: 0, recovered: 0, rebound: 0 };
  }

  save(): PathTableState {
    const { peers, state, answers, awaiting, suspectSince, probeInterval, changes } = this;
    const { chosen, chosenAt, refreshAt, candidate, route } = this;
    return {
      ...{ peers, state, answers, awaiting, suspectSince, probeInterval },
      ...{ chosen, chosenAt, refreshAt, candidate, route },
      trips: this.trips.save(),
      probes: this.probes.save(),
      history: this.history.save(),
      changes,
    };
  }

  /** Adds a peer with eight healthy slots; its number. */
  addPeer(): number {
    const peer = this.peers++;
    if (this.peers * SLOTS > this.state.length) this.grow();
    this.chosenAt[peer] = Number.NEGATIVE_INFINITY;
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = peer * SLOTS + slot;
      this.candidate[at] = slot;
      this.history.began(at, this.startedAt);
    }
    return peer;
  }

  stateOf(peer: number, slot: number): number {
    return this.state[peer * SLOTS + slot]!;
  }

  /** True when new packets may be put on the slot without a better one being passed over. */
  isOpen(peer: number, slot: number): boolean {
    const at = peer * SLOTS + slot;
    return this.state[at] === SLOT_HEALTHY && this.draining[at] === 0;
  }

  candidateOf(peer: number, slot: number): number {
    return this.candidate[peer * SLOTS + slot]!;
  }

  routeOf(peer: number, slot: number): number {
    return this.route[peer * SLOTS + slot]!;
  }

  setRoute(peer: number, slot: number, route: number): void {
    this.route[peer * SLOTS + slot] = route;
    this.chosenAt[peer] = Number.NEGATIVE_INFINITY;
  }

  setDraining(peer: number, slot: number, draining: boolean): void {
    this.draining[peer * SLOTS + slot] = draining ? 1 : 0;
    this.chosenAt[peer] = Number.NEGATIVE_INFINITY;
  }

  /** The slot uses another source port from now on: what was measured and asked is of another route. */
  rebind(peer: number, slot: number, candidate: number, route: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    this.candidate[at] = candidate;
    this.trips.forget(at);
    this.setRoute(peer, slot, route);
    this.setDraining(peer, slot, false);
    this.history.rebind(at);
    this.changes.rebound++;
    if (this.state[at] === SLOT_HEALTHY) {
      this.awaiting[at] = 0;
      this.probes.cancel(at);
    } else this.startProbing(at, nowMicros);
  }

  /** Smoothed round trip, 0 before the first sample. */
  rttMicros(peer: number, slot: number): number {
    return this.trips.rttMicros(peer * SLOTS + slot);
  }

  /** How long the slot may owe an answer before it is asked after (RFC 6298, without its floor of a second). */
  timeoutMicros(peer: number, slot: number): number {
    return this.trips.timeoutMicros(peer * SLOTS + slot, peer);
  }

  /** For a slot without a sample: what its neighbours say, with much room for a longer way. */
  firstTimeoutMicros(peer: number): number {
    return this.trips.firstTimeoutMicros(peer);
  }

  /** How long a packet may take that a later one of another slot has overtaken. */
  reorderMicros(peer: number, slot: number): number {
    return this.trips.reorderMicros(peer * SLOTS + slot, peer);
  }

  /** A round trip on the slot, less the time the receiver kept it. */
  onSample(peer: number, slot: number, rttMicros: number): void {
    this.trips.onSample(peer * SLOTS + slot, peer, rttMicros);
  }

  /** What the same round trip took in the fabric and in the hosts, and by how many hops it went; 0 when unknown. */
  onDelays(peer: number, slot: number, fabricMicros: number, endpointMicros: number, hops: number): void {
    this.trips.onDelays(peer * SLOTS + slot, fabricMicros, endpointMicros, hops);
  }

  /** 0 before the first sample, like the endpoints' part; and the hops, when unknown. */
  fabricMicros(peer: number, slot: number): number {
    return this.trips.fabricMicros(peer * SLOTS + slot);
  }

  endpointMicros(peer: number, slot: number): number {
    return this.trips.endpointMicros(peer * SLOTS + slot);
  }

  hopsOf(peer: number, slot: number): number {
    return this.trips.hops(peer * SLOTS + slot);
  }

  /** For people. */
  storyOf(peer: number, slot: number): SlotStory {
    return this.history.of(peer * SLOTS + slot);
  }

  /** Whether what goes to the peer is sprayed over the slot, as it was chosen last. */
  isSprayed(peer: number, slot: number): boolean {
    return ((this.chosen[peer]! >> slot) & 1) === 1 && this.stateOf(peer, slot) === SLOT_HEALTHY;
  }

  /** An acknowledgement of the slot's newest packet came back by the slot. */
  onRoundTrip(peer: number, slot: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    if (this.state[at] === SLOT_SUSPECT) this.recover(at, nowMicros);
    else if (this.state[at] === SLOT_HEALTHY && this.awaiting[at] === 1) {
      this.awaiting[at] = 0;
      this.probes.cancel(at);
    }
  }

  /**
   * What a connection sent on the slot was not acknowledged in time; it has heard nothing by the slot from
   * `silentSince` on. Many connections may tell of one event: a silence that began before the slot was suspect is the
   * same one.
   */
  onTimeout(peer: number, slot: number, silentSince: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    this.history.timedOut(at);
    if (this.state[at] === SLOT_HEALTHY) {
      this.suspect(at, LEFT_SILENCE, nowMicros);
    } else if (this.state[at] === SLOT_SUSPECT && silentSince >= this.suspectSince[at]!) {
      this.fail(at, LEFT_SILENCE, nowMicros);
    }
  }

  onProbeAnswered(peer: number, slot: number, rttMicros: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    this.history.answered(at);
    // Asked on a route that the slot had before, or answered by an acknowledgement meanwhile.
    if (this.state[at] === SLOT_HEALTHY && this.awaiting[at] === 0) return;
    this.onSample(peer, slot, rttMicros);
    this.awaiting[at] = 0;
    if (this.state[at] === SLOT_HEALTHY) {
      this.probes.cancel(at);
      return;
    }
    this.answers[at]!++;
    if (this.state[at] === SLOT_SUSPECT || this.answers[at]! >= ANSWERS_TO_RECOVER) {
      this.recover(at, nowMicros);
    } else {
      this.probes.set(at, nowMicros);
    }
  }

  /** Calls `send(peer, slot)` for each slot whose probe is due; false says it could not be sent. */
  probe(nowMicros: number, send: (peer: number, slot: number) => boolean): void {
    this.probes.expire(nowMicros, (at) => {
      const peer = Math.floor(at / SLOTS);
      if (this.awaiting[at] === 1) {
        this.answers[at] = 0;
        if (this.state[at] === SLOT_SUSPECT) this.fail(at, LEFT_PROBE, nowMicros);
        else if (this.state[at] === SLOT_HEALTHY) this.suspect(at, LEFT_PROBE, nowMicros);
      }
      const sent = send(peer, at % SLOTS);
      this.awaiting[at] = sent ? 1 : 0;
      if (sent) this.history.probed(at);
      if (this.state[at] === SLOT_HEALTHY) {
        if (sent) this.probes.set(at, nowMicros + PATIENT_PROBES * this.timeoutMicros(peer, at % SLOTS));
        return;
      }
      this.probes.set(at, nowMicros + this.probeInterval[at]!);
      this.probeInterval[at] = Math.min(MAX_PROBE_MICROS, this.probeInterval[at]! * 2);
    });
  }

  nextTimeout(): number {
    return this.probes.nextTimeout();
  }

  /**
   * The slots to spray over, as bits: the healthy ones with the lowest round trips (BIFROST §4.1), on routes of their own
   * where routes are known. Asking keeps the round trips of the others fresh.
   */
  selection(peer: number, nowMicros: number): number {
    if (nowMicros - this.chosenAt[peer]! >= CHOOSE_MICROS) {
      this.choose(peer);
      this.chosenAt[peer] = nowMicros;
      if (nowMicros >= this.refreshAt[peer]!) this.refresh(peer, nowMicros);
    }
    return this.chosen[peer]!;
  }

  /**
   * The next slot in turn after `slot` that is healthy and one of `preferred`, or else healthy, or else suspect, or else
   * any; not `avoid` if it can be helped, one that is about to change, or one on the route of `avoid`.
   */
  next(peer: number, slot: number, avoid = -1, preferred = ALL_SLOTS): number {
    const base = peer * SLOTS;
    const avoidedRoute = avoid < 0 ? 0 : this.route[base + avoid]!;
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 1; i <= SLOTS; i++) {
      const candidate = (slot + i) % SLOTS;
      const at = base + candidate;
      const shared = avoidedRoute !== 0 && this.route[at] === avoidedRoute ? 2 : 0;
      const rank =
        this.state[at]! * 8 + this.draining[at]! * 4 + shared + (((preferred >> candidate) & 1) ^ 1);
      if (candidate === avoid || rank >= bestRank) continue;
      if (rank === 0) return candidate;
      best = candidate;
      bestRank = rank;
    }
    return best;
  }

  /** Slots without a sample come first: so they get one. */
  private choose(peer: number): void {
    const base = peer * SLOTS;
    const before = this.chosen[peer]!;
    let chosen = 0;
    let routes = 0;
    for (let n = 0; n < SPRAYED; n++) {
      let best = -1;
      let bestScore = Number.POSITIVE_INFINITY;
      for (let slot = 0; slot < SLOTS; slot++) {
        if (((chosen >> slot) & 1) === 1 || !this.isOpen(peer, slot)) continue;
        const ranking = this.trips.ranking(base + slot);
        const stays = ((before >> slot) & 1) === 1;
        const known = stays ? Math.max(0, ranking * HYSTERESIS - ALIKE_MICROS) : ranking;
        const isShared = ((routes >> this.route[base + slot]!) & 1) === 1;
        const compared = isShared ? known * OWN_ROUTE + ALIKE_MICROS : known;
        const score = ranking === 0 ? -1 : compared;
        if (score >= bestScore) continue;
        best = slot;
        bestScore = score;
      }
      if (best < 0) break;
      chosen |= 1 << best;
      // Unknown routes, 0, may be different ones.
      routes |= (1 << this.route[base + best]!) & ~1;
    }
    this.chosen[peer] = chosen;
  }

  /** Asks healthy slots that are not sprayed over for their round trips, one after the other. */
  private refresh(peer: number, nowMicros: number): void {
    this.refreshAt[peer] = nowMicros + REFRESH_MICROS;
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = peer * SLOTS + slot;
      if (((this.chosen[peer]! >> slot) & 1) === 1 || this.state[at] !== SLOT_HEALTHY) continue;
      this.probes.set(at, nowMicros + (slot * REFRESH_MICROS) / SLOTS);
    }
  }

  private startProbing(at: number, nowMicros: number): void {
    this.answers[at] = 0;
    this.awaiting[at] = 0;
    this.probeInterval[at] = FIRST_PROBE_MICROS;
    this.probes.set(at, nowMicros);
  }

  private suspect(at: number, why: LeftWhy, nowMicros: number): void {
    this.changeState(at, SLOT_SUSPECT);
    this.history.suspect(at, why, nowMicros);
    this.suspectSince[at] = nowMicros;
    this.changes.suspected++;
    this.startProbing(at, nowMicros);
  }

  /** What was chosen before the change is not used any more. */
  private changeState(at: number, state: number): void {
    this.state[at] = state;
    this.chosenAt[Math.floor(at / SLOTS)] = Number.NEGATIVE_INFINITY;
  }

  private fail(at: number, why: LeftWhy, nowMicros: number): void {
    this.changeState(at, SLOT_BAD);
    this.history.fail(at, why, nowMicros);
    this.changes.failed++;
  }

  private grow(): void {
    const slots = Math.max(4 * SLOTS, this.state.length * 2);
    this.state = grown(this.state, new Uint8Array(slots));
    this.answers = grown(this.answers, new Uint8Array(slots));
    this.awaiting = grown(this.awaiting, new Uint8Array(slots));
    this.suspectSince = grown(this.suspectSince, new Float64Array(slots));
    this.trips.grow(slots, slots / SLOTS);
    this.history.grow(slots);
    this.probeInterval = grown(this.probeInterval, new Float64Array(slots));
    this.candidate = grown(this.candidate, new Uint8Array(slots));
    this.route = grown(this.route, new Uint8Array(slots));
    this.draining = grown(this.draining, new Uint8Array(slots));
    this.chosen = grown(this.chosen, new Uint8Array(slots / SLOTS));
    this.chosenAt = grown(this.chosenAt, new Float64Array(slots / SLOTS));
    this.refreshAt = grown(this.refreshAt, new Float64Array(slots / SLOTS));
  }

  private recover(at: number, nowMicros: number): void {
    this.changeState(at, SLOT_HEALTHY);
    this.history.recover(at, nowMicros);
    this.changes.recovered++;
    this.probes.cancel(at);
  }
}

function grown<T extends Uint8Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
