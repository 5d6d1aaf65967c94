// The paths to each peer: eight slots, each a UDP source port of ours that the fabric hashes onto some route
// (BIFROST §4.1). Of each it knows the source port and route, what round trips take (round-trips.ts) and how it is
// (slot-health.ts), and says which to use. Round trips are judged whole, there and back on slots of the same number.

import { grown } from '../base/columns.ts';
import { RoundTrips, type RoundTripsState } from './round-trips.ts';
import {
  type PathChanges,
  SLOT_BAD,
  SLOT_HEALTHY,
  SlotHealth,
  type SlotHealthState,
  type SlotKeeper,
} from './slot-health.ts';
import type { SlotStory } from './slot-history.ts';
import { SlotLosses, type SlotLossesState } from './slot-losses.ts';
import { SlotProofs, type SlotProofsState } from './slot-proofs.ts';
import { sprayChoice } from './spray-choice.ts';

export const SLOTS = 8;
const ALL_SLOTS = 0xff;
/** Source ports that a slot may use; those of the first numbers are the slots' own at first. */
export const CANDIDATES = 32;

/** How often the fastest are chosen anew. */
const CHOOSE_MICROS = 1000;
/** While a peer is sent to, its slots that are not used are asked for their round trips this often. */
const REFRESH_MICROS = 200_000;

/** Who acts on what slots do. */
export interface SlotWatcher {
  slotLeft(now: number, peer: number, slot: number): void;
  slotBack(now: number, peer: number, slot: number): void;
}

export interface PathTableState extends SlotHealthState {
  readonly peers: number;
  readonly chosen: Uint8Array;
  readonly chosenAt: Float64Array;
  readonly refreshAt: Float64Array;
  readonly candidate: Uint8Array;
  readonly route: Uint8Array;
  readonly candidateRoute: Uint8Array;
  readonly proofs: SlotProofsState;
  readonly trips: RoundTripsState;
  readonly losses: SlotLossesState;
}

export class PathTable {
  private peers: number;
  /** Of each peer, the slots to spray over as bits, when they were chosen, and when idle ones are next asked. */
  private chosen: Uint8Array;
  private chosenAt: Float64Array;
  private refreshAt: Float64Array;
  /** The source port of each slot, by its number, and a number from 1 to 8 for the route it takes; 0: unknown. */
  private candidate: Uint8Array;
  private route: Uint8Array;
  /** The same of each candidate, slot or not. */
  private candidateRoute: Uint8Array;
  /** 1: the slot waits to be rid of what is in flight, to change its source port. */
  private draining: Uint8Array;
  private readonly proofs: SlotProofs;
  private readonly trips: RoundTrips;
  private readonly losses: SlotLosses;
  private readonly health: SlotHealth;
  private readonly startedAt: number;
  private watcher: SlotWatcher | undefined;

  constructor(nowMicros: number, old?: PathTableState) {
    this.peers = old?.peers ?? 0;
    this.chosen = old?.chosen ?? new Uint8Array(0);
    this.chosenAt = old?.chosenAt ?? new Float64Array(0);
    this.refreshAt = old?.refreshAt ?? new Float64Array(0);
    this.candidate = old?.candidate ?? new Uint8Array(0);
    this.route = old?.route ?? new Uint8Array(0);
    this.candidateRoute = old?.candidateRoute ?? new Uint8Array(0);
    this.draining = new Uint8Array(this.route.length);
    this.proofs = new SlotProofs(old?.proofs);
    this.trips = new RoundTrips(old?.trips);
    this.losses = new SlotLosses(old?.losses);
    const keeper: SlotKeeper = {
      timeoutMicrosOf: (at) => this.trips.timeoutMicros(at, Math.floor(at / SLOTS)),
      onChange: (at, from, now) => this.changed(at, from, now),
    };
    this.health = new SlotHealth(nowMicros, keeper, old);
    this.startedAt = nowMicros;
  }

  save(): PathTableState {
    const { peers, chosen, chosenAt, refreshAt, candidate, route, candidateRoute } = this;
    const trips = this.trips.save();
    const losses = this.losses.save();
    const columns = {
      chosen,
      chosenAt,
      refreshAt,
      candidate,
      route,
      candidateRoute,
      proofs: this.proofs.save(),
    };
    return { ...this.health.save(), ...columns, peers, trips, losses };
  }

  /** Is told of every slot that turns bad, and when it is good again. */
  watch(watcher: SlotWatcher): void {
    this.watcher = watcher;
  }

  get changes(): PathChanges {
    return this.health.changes;
  }

  /** Adds a peer with eight healthy slots; its number. */
  addPeer(): number {
    const peer = this.peers++;
    if (this.peers * SLOTS > this.route.length) this.grow();
    this.chooseAnew(peer);
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = peer * SLOTS + slot;
      this.candidate[at] = slot;
      this.health.began(at, this.startedAt);
    }
    return peer;
  }

  stateOf(peer: number, slot: number): number {
    return this.health.of(peer * SLOTS + slot);
  }

  /** True when new packets may be put on the slot without a better one being passed over. */
  isOpen(peer: number, slot: number): boolean {
    const at = peer * SLOTS + slot;
    return this.health.of(at) === SLOT_HEALTHY && this.draining[at] === 0;
  }

  candidateOf(peer: number, slot: number): number {
    return this.candidate[peer * SLOTS + slot]!;
  }

  routeOf(peer: number, slot: number): number {
    return this.route[peer * SLOTS + slot]!;
  }

  setRoute(peer: number, slot: number, route: number): void {
    this.route[peer * SLOTS + slot] = route;
    this.chooseAnew(peer);
  }

  setDraining(peer: number, slot: number, draining: boolean): void {
    this.draining[peer * SLOTS + slot] = draining ? 1 : 0;
    this.chooseAnew(peer);
  }

  /** The slot uses another source port from now on: what was measured and asked is of another route. */
  rebind(peer: number, slot: number, candidate: number, route: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    this.candidate[at] = candidate;
    this.trips.forget(at);
    this.losses.forget(at);
    this.setRoute(peer, slot, route);
    this.setDraining(peer, slot, false);
    this.proofs.rebind(at, nowMicros);
    this.health.onRebound(at, nowMicros);
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
    return this.health.storyOf(peer * SLOTS + slot);
  }

  /** Whether what goes to the peer is sprayed over the slot, as it was chosen last. */
  isSprayed(peer: number, slot: number): boolean {
    return ((this.chosen[peer]! >> slot) & 1) === 1 && this.stateOf(peer, slot) === SLOT_HEALTHY;
  }

  /**
   * An acknowledgement came back by the slot, of a packet that was sent on it at `sentMicros`. What was acknowledged so
   * before is no news: the slot may be dead since, or the packet replayed.
   */
  onRoundTrip(peer: number, slot: number, sentMicros: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    if (this.proofs.isNews(at, sentMicros, nowMicros)) this.health.onRoundTrip(at, nowMicros);
  }

  /**
   * What a connection sent on the slot was not acknowledged in time; it has heard nothing by the slot from
   * `silentSince` on. Many connections may tell of one event: a silence that began before the slot was suspect is the
   * same one.
   */
  onTimeout(peer: number, slot: number, silentSince: number, nowMicros: number): void {
    this.health.onTimeout(peer * SLOTS + slot, silentSince, nowMicros);
  }

  /** So many packets sent on the slot are known to have arrived, and so many were given up, since this was last told. */
  onOutcome(peer: number, slot: number, arrived: number, lost: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    if (!this.losses.add(at, arrived, lost, nowMicros) || this.health.of(at) !== SLOT_HEALTHY) return;
    const first = peer * SLOTS;
    const isOnly = this.openSlots(peer) === 1 << slot;
    if (!isOnly && !this.losses.isOfAll(at, first, first + SLOTS)) this.health.leave(at, nowMicros);
  }

  /** The source port of a slot that was left for what it lost is thought to work again. */
  release(peer: number, slot: number, nowMicros: number): void {
    this.health.release(peer * SLOTS + slot, nowMicros);
  }

  onProbeAnswered(peer: number, slot: number, rttMicros: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    if (!this.proofs.isNews(at, nowMicros - rttMicros, nowMicros)) return;
    if (this.health.onProbeAnswered(at, nowMicros)) this.trips.onSample(at, peer, rttMicros);
  }

  /** Calls `send(peer, slot)` for each slot whose probe is due; false says it could not be sent. */
  probe(nowMicros: number, send: (peer: number, slot: number) => boolean): void {
    this.health.probe(nowMicros, (at) => send(Math.floor(at / SLOTS), at % SLOTS));
  }

  nextTimeout(): number {
    return this.health.nextTimeout();
  }

  /**
   * The slots to spray over, as bits: the healthy ones with the lowest round trips (BIFROST §4.1), on routes of their own
   * where routes are known. Asking keeps the round trips of the others fresh.
   */
  selection(peer: number, nowMicros: number): number {
    if (nowMicros - this.chosenAt[peer]! >= CHOOSE_MICROS) {
      const { trips, route } = this;
      this.chosen[peer] = sprayChoice(this.chosen[peer]!, this.openSlots(peer), peer * SLOTS, trips, route);
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
        this.health.of(at) * 8 + this.draining[at]! * 4 + shared + (((preferred >> candidate) & 1) ^ 1);
      if (candidate === avoid || rank >= bestRank) continue;
      if (rank === 0) return candidate;
      best = candidate;
      bestRank = rank;
    }
    return best;
  }

  /** The peer asked after its slot of this number, and is answered by ours: that may be what it hears nothing by. */
  onAsked(peer: number, slot: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    if (this.proofs.isDoubted(at, nowMicros)) this.health.doubt(at, nowMicros);
  }

  /** The source port of the slot is known not to work: if it owes an answer, that need not be waited for. */
  condemn(peer: number, slot: number, nowMicros: number): void {
    this.health.condemn(peer * SLOTS + slot, nowMicros);
  }

  /** The slot that uses a candidate, or -1. */
  slotOf(peer: number, candidate: number): number {
    for (let slot = 0; slot < SLOTS; slot++)
      if (this.candidate[peer * SLOTS + slot] === candidate) return slot;
    return -1;
  }

  /** The route of each candidate, as far as routes are known. */
  setCandidateRoutes(peer: number, routes: readonly number[]): void {
    for (let i = 0; i < CANDIDATES; i++) this.candidateRoute[peer * CANDIDATES + i] = routes[i] ?? 0;
  }

  candidateRouteOf(peer: number, candidate: number): number {
    return this.candidateRoute[peer * CANDIDATES + candidate]!;
  }

  /** When a packet last came back by the peer's slot of this number. */
  heardMicros(peer: number, slot: number): number {
    return this.proofs.heardMicros(peer * SLOTS + slot);
  }

  /** The slot that something came back by last, whether it leads there, too, or not. */
  latestHeard(peer: number): number {
    let latest = 0;
    for (let slot = 1; slot < SLOTS; slot++)
      if (this.heardMicros(peer, slot) > this.heardMicros(peer, latest)) latest = slot;
    return latest;
  }

  /** Has a slot that is thought healthy asked. */
  doubt(peer: number, slot: number, nowMicros: number): void {
    this.health.doubt(peer * SLOTS + slot, nowMicros);
  }

  /** The peer's slot of this number is alive. */
  onHeard(peer: number, slot: number, nowMicros: number): void {
    this.proofs.onHeard(peer * SLOTS + slot, nowMicros);
  }

  /** Asks healthy slots that are not sprayed over for their round trips, one after the other. */
  private refresh(peer: number, nowMicros: number): void {
    this.refreshAt[peer] = nowMicros + REFRESH_MICROS;
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = peer * SLOTS + slot;
      if (((this.chosen[peer]! >> slot) & 1) === 1 || this.health.of(at) !== SLOT_HEALTHY) continue;
      this.health.ask(at, nowMicros + (slot * REFRESH_MICROS) / SLOTS);
    }
  }

  private openSlots(peer: number): number {
    let open = 0;
    for (let slot = 0; slot < SLOTS; slot++) if (this.isOpen(peer, slot)) open |= 1 << slot;
    return open;
  }

  private changed(at: number, from: number, nowMicros: number): void {
    const peer = Math.floor(at / SLOTS);
    this.chooseAnew(peer);
    if (this.health.of(at) === SLOT_BAD) this.watcher?.slotLeft(nowMicros, peer, at % SLOTS);
    else if (from === SLOT_BAD) this.watcher?.slotBack(nowMicros, peer, at % SLOTS);
  }

  /** What was chosen before is not used any more. */
  private chooseAnew(peer: number): void {
    this.chosenAt[peer] = Number.NEGATIVE_INFINITY;
  }

  private grow(): void {
    const slots = Math.max(4 * SLOTS, this.route.length * 2);
    const peers = slots / SLOTS;
    this.trips.grow(slots, peers);
    this.health.grow(slots);
    this.candidate = grown(new Uint8Array(slots), this.candidate);
    this.route = grown(new Uint8Array(slots), this.route);
    this.candidateRoute = grown(new Uint8Array(peers * CANDIDATES), this.candidateRoute);
    this.draining = grown(new Uint8Array(slots), this.draining);
    this.proofs.grow(slots);
    this.losses.grow(slots);
    this.chosen = grown(new Uint8Array(peers), this.chosen);
    this.chosenAt = grown(new Float64Array(peers), this.chosenAt);
    this.refreshAt = grown(new Float64Array(peers), this.refreshAt);
  }
}
