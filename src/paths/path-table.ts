// The paths to each peer: eight slots, each a UDP source port of ours that the fabric hashes onto some route
// (BIFROST §4.1). Of each it knows the source port, what round trips take (round-trips.ts), how it is (slot-health.ts) and which
// are to be used (selection.ts). Round trips are judged whole, there and back on slots of the same number.

import { grown } from '../base/columns.ts';
import { RoundTrips, type RoundTripsState } from './round-trips.ts';
import { ALL_SLOTS, Selection, type SelectionState, SLOTS } from './selection.ts';
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

export { SLOTS } from './selection.ts';

/** Source ports that a slot may use; those of the first numbers are the slots' own at first. */
export const CANDIDATES = 32;

/** So much earlier a slow slot counts as heard of: that others answer by it as slowly says nothing of their own ways. */
const SLOW_HEARD_MICROS = 1_000_000;

/** Who acts on what slots do. */
export interface SlotWatcher {
  slotLeft(now: number, peer: number, slot: number): void;
  slotBack(now: number, peer: number, slot: number): void;
  /** It works, but has been much slower than others for long; told again as long as it is. */
  slotSlow(now: number, peer: number, slot: number): void;
}

export interface PathTableState extends SlotHealthState {
  readonly peers: number;
  readonly selection: SelectionState;
  readonly candidate: Uint8Array;
  readonly candidateRoute: Uint8Array;
  readonly proofs: SlotProofsState;
  readonly trips: RoundTripsState;
  readonly losses: SlotLossesState;
}

export class PathTable {
  private peers: number;
  /** The source port of each slot, by its number. */
  private candidate: Uint8Array;
  /** A number from 1 for the route that each candidate takes, slot or not; 0: unknown. */
  private candidateRoute: Uint8Array;
  private readonly proofs: SlotProofs;
  private readonly trips: RoundTrips;
  private readonly losses: SlotLosses;
  private readonly health: SlotHealth;
  private readonly selected: Selection;
  private readonly startedAt: number;
  private watcher: SlotWatcher | undefined;

  constructor(nowMicros: number, old?: PathTableState) {
    this.peers = old?.peers ?? 0;
    this.candidate = old?.candidate ?? new Uint8Array(0);
    this.candidateRoute = old?.candidateRoute ?? new Uint8Array(0);
    this.proofs = new SlotProofs(old?.proofs);
    this.trips = new RoundTrips(old?.trips);
    this.losses = new SlotLosses(old?.losses);
    const keeper: SlotKeeper = {
      timeoutMicrosOf: (at) => this.trips.timeoutMicros(at, Math.floor(at / SLOTS)),
      onChange: (at, from, now) => this.changed(at, from, now),
    };
    this.health = new SlotHealth(nowMicros, keeper, old);
    const onSlow = (at: number, now: number) =>
      this.watcher?.slotSlow(now, Math.floor(at / SLOTS), at % SLOTS);
    this.selected = new Selection(this.health, this.trips, onSlow, old?.selection);
    this.startedAt = nowMicros;
  }

  save(): PathTableState {
    const { peers, candidate, candidateRoute } = this;
    const parts = {
      selection: this.selected.save(),
      proofs: this.proofs.save(),
      trips: this.trips.save(),
      losses: this.losses.save(),
    };
    return { ...this.health.save(), ...parts, peers, candidate, candidateRoute };
  }

  /** Is told of every slot that turns bad or slow, and when it is good again. */
  watch(watcher: SlotWatcher): void {
    this.watcher = watcher;
  }

  get changes(): PathChanges {
    return this.health.changes;
  }

  /** Adds a peer with eight healthy slots; its number. */
  addPeer(): number {
    const peer = this.peers++;
    if (this.peers * SLOTS > this.candidate.length) this.grow();
    this.selected.chooseAnew(peer);
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
    return this.selected.isOpen(peer, slot);
  }

  candidateOf(peer: number, slot: number): number {
    return this.candidate[peer * SLOTS + slot]!;
  }

  routeOf(peer: number, slot: number): number {
    return this.selected.routeOf(peer, slot);
  }

  setRoute(peer: number, slot: number, route: number): void {
    this.selected.setRoute(peer, slot, route);
  }

  setDraining(peer: number, slot: number, draining: boolean): void {
    this.selected.setDraining(peer, slot, draining);
  }

  /** The slot uses another source port from now on: what was measured and asked is of another route. */
  rebind(peer: number, slot: number, candidate: number, route: number, nowMicros: number): void {
    const at = peer * SLOTS + slot;
    this.candidate[at] = candidate;
    this.trips.forget(at);
    this.losses.forget(at);
    this.selected.rebind(peer, slot, route);
    this.proofs.rebind(at, nowMicros);
    this.health.onRebound(at, nowMicros);
  }

  /** Whether the slot is much slower than others, for however long. */
  isSlow(peer: number, slot: number): boolean {
    return this.selected.isSlow(peer, slot);
  }

  /** Whether it has been for minutes, so that something is done about it. */
  isSlowForLong(peer: number, slot: number): boolean {
    return this.selected.isSlowForLong(peer, slot);
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

  /** For a source port that may take the route of a slow slot; 0: there is none. */
  slowTimeoutMicros(peer: number): number {
    let longest = 0;
    for (let slot = 0; slot < SLOTS; slot++)
      if (this.isSlowForLong(peer, slot)) longest = Math.max(longest, this.timeoutMicros(peer, slot));
    return longest;
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
    return this.selected.isSprayed(peer, slot);
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
    const isOnly = this.selected.openSlots(peer) === 1 << slot;
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
    return this.selected.of(peer, nowMicros);
  }

  /**
   * The next slot in turn after `slot` that is healthy and one of `preferred`, or else healthy, or else suspect, or else
   * any; not `avoid` if it can be helped, one that is about to change, or one on the route of `avoid`.
   */
  next(peer: number, slot: number, avoid = -1, preferred = ALL_SLOTS): number {
    return this.selected.next(peer, slot, avoid, preferred);
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

  /** The slot that something came back by last, whether it leads there, too, or not; a slow one for want of others. */
  latestHeard(peer: number): number {
    let latest = 0;
    let latestAt = Number.NEGATIVE_INFINITY;
    for (let slot = 0; slot < SLOTS; slot++) {
      const heardAt = this.heardMicros(peer, slot) - (this.isSlowForLong(peer, slot) ? SLOW_HEARD_MICROS : 0);
      if (heardAt <= latestAt) continue;
      latest = slot;
      latestAt = heardAt;
    }
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

  private changed(at: number, from: number, nowMicros: number): void {
    const peer = Math.floor(at / SLOTS);
    this.selected.chooseAnew(peer);
    if (this.health.of(at) === SLOT_BAD) this.watcher?.slotLeft(nowMicros, peer, at % SLOTS);
    else if (from === SLOT_BAD) this.watcher?.slotBack(nowMicros, peer, at % SLOTS);
  }

  private grow(): void {
    const slots = Math.max(4 * SLOTS, this.candidate.length * 2);
    const peers = slots / SLOTS;
    this.trips.grow(slots, peers);
    this.health.grow(slots);
    this.candidate = grown(new Uint8Array(slots), this.candidate);
    this.selected.grow(peers);
    this.candidateRoute = grown(new Uint8Array(peers * CANDIDATES), this.candidateRoute);
    this.proofs.grow(slots);
    this.losses.grow(slots);
  }
}
