// Which of a peer's eight slots new packets go on: the four to spray over, chosen anew every millisecond (BIFROST §4.1), and the
// next in turn. By how slots are, what round trips on them take, which route each is on, and whether it is about to change.
// Slots that are not used are asked, so that what is known of them stays true.

import { grown } from '../base/columns.ts';
import type { RoundTrips } from './round-trips.ts';
import { SLOT_HEALTHY, type SlotHealth } from './slot-health.ts';
import { SlowSlots, type SlowSlotsState } from './slow-slots.ts';
import { sprayChoice } from './spray-choice.ts';

export const SLOTS = 8;
export const ALL_SLOTS = 0xff;

/** How often the fastest are chosen anew. */
const CHOOSE_MICROS = 1000;
/** While a peer is sent to, its slots that are not used are asked for their round trips this often. */
const REFRESH_MICROS = 200_000;

export interface SelectionState {
  readonly chosen: Uint8Array;
  readonly chosenAt: Float64Array;
  readonly refreshAt: Float64Array;
  readonly route: Uint8Array;
  readonly slow: SlowSlotsState;
}

export class Selection {
  /** Of each peer, the slots to spray over as bits, when they were chosen, and when idle ones are next asked. */
  private chosen: Uint8Array;
  private chosenAt: Float64Array;
  private refreshAt: Float64Array;
  /** A number from 1 to 8 for the route that each slot takes; 0: unknown. */
  private route: Uint8Array;
  /** 1: the slot waits to be rid of what is in flight, to change its source port. Who changes it tells so anew. */
  private draining: Uint8Array;
  private readonly health: SlotHealth;
  private readonly trips: RoundTrips;
  private readonly slow: SlowSlots;

  /** `onSlow`: a slot has been much slower than others for long; its place in the order of the path table. */
  constructor(
    health: SlotHealth,
    trips: RoundTrips,
    onSlow: (at: number, nowMicros: number) => void,
    old?: SelectionState,
  ) {
    this.health = health;
    this.trips = trips;
    this.slow = new SlowSlots(health, trips, onSlow, old?.slow);
    this.chosen = old?.chosen ?? new Uint8Array(0);
    this.chosenAt = old?.chosenAt ?? new Float64Array(0);
    this.refreshAt = old?.refreshAt ?? new Float64Array(0);
    this.route = old?.route ?? new Uint8Array(0);
    this.draining = new Uint8Array(this.route.length);
  }

  save(): SelectionState {
    const { chosen, chosenAt, refreshAt, route } = this;
    return { chosen, chosenAt, refreshAt, route, slow: this.slow.save() };
  }

  grow(peers: number): void {
    const slots = peers * SLOTS;
    this.chosen = grown(new Uint8Array(peers), this.chosen);
    this.chosenAt = grown(new Float64Array(peers), this.chosenAt);
    this.refreshAt = grown(new Float64Array(peers), this.refreshAt);
    this.route = grown(new Uint8Array(slots), this.route);
    this.draining = grown(new Uint8Array(slots), this.draining);
    this.slow.grow(slots);
  }

  /** Something else is known of the peer's slots: what was chosen before is not used any more. */
  chooseAnew(peer: number): void {
    this.chosenAt[peer] = Number.NEGATIVE_INFINITY;
  }

  routeOf(peer: number, slot: number): number {
    return this.route[peer * SLOTS + slot]!;
  }

  setRoute(peer: number, slot: number, route: number): void {
    this.route[peer * SLOTS + slot] = route;
    this.chooseAnew(peer);
  }

  /** Whether the slot was much slower than others when they were last looked at. */
  isSlow(peer: number, slot: number): boolean {
    return this.slow.isSlow(peer * SLOTS + slot);
  }

  /** Whether it has been for so long that it was told: until then others are answered by it as ever. */
  isSlowForLong(peer: number, slot: number): boolean {
    return this.slow.isSlowForLong(peer * SLOTS + slot);
  }

  /** The slot takes another route from now on. */
  rebind(peer: number, slot: number, route: number): void {
    this.slow.forget(peer * SLOTS + slot);
    this.setRoute(peer, slot, route);
    this.setDraining(peer, slot, false);
  }

  setDraining(peer: number, slot: number, draining: boolean): void {
    this.draining[peer * SLOTS + slot] = draining ? 1 : 0;
    this.chooseAnew(peer);
  }

  /** True when new packets may be put on the slot without a better one being passed over. */
  isOpen(peer: number, slot: number): boolean {
    const at = peer * SLOTS + slot;
    return this.health.of(at) === SLOT_HEALTHY && this.draining[at] === 0;
  }

  /** All that are open, as bits. */
  openSlots(peer: number): number {
    let open = 0;
    for (let slot = 0; slot < SLOTS; slot++) if (this.isOpen(peer, slot)) open |= 1 << slot;
    return open;
  }

  /** Whether what goes to the peer is sprayed over the slot, as it was chosen last. */
  isSprayed(peer: number, slot: number): boolean {
    const isChosen = ((this.chosen[peer]! >> slot) & 1) === 1;
    return isChosen && this.health.of(peer * SLOTS + slot) === SLOT_HEALTHY;
  }

  /** The slots to spray over, as bits. */
  of(peer: number, nowMicros: number): number {
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
  next(peer: number, slot: number, avoid: number, preferred: number): number {
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

  /** Looks how long round trips take, and asks healthy slots that are not sprayed over for them, one after the other. */
  private refresh(peer: number, nowMicros: number): void {
    const gapMicros = nowMicros - this.refreshAt[peer]!;
    this.slow.look(peer * SLOTS, (peer + 1) * SLOTS, gapMicros, nowMicros);
    this.refreshAt[peer] = nowMicros + REFRESH_MICROS;
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = peer * SLOTS + slot;
      if (((this.chosen[peer]! >> slot) & 1) === 1 || this.health.of(at) !== SLOT_HEALTHY) continue;
      this.health.ask(at, nowMicros + (slot * REFRESH_MICROS) / SLOTS);
    }
  }
}
