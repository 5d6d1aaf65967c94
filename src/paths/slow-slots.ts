// Slots whose round trips take much longer than is usual for their peer, for two minutes on end (ZooRoute §8): a route that is
// congested, or leads a long way round. One look that finds a slot as fast as others begins the two minutes anew, and so does
// a time without looks. `at` is a slot of a peer in the order of the path table.

import { grown } from '../base/columns.ts';
import { isMuchSlower, type RoundTrips } from './round-trips.ts';
import { SLOT_BAD, SLOT_HEALTHY, type SlotHealth } from './slot-health.ts';

const SLOW_FOR_MICROS = 120_000_000;
/** After a longer time without a look nobody knows how the slot was meanwhile. */
const MAX_GAP_MICROS = 10_000_000;

export interface SlowSlotsState {
  readonly dueAt: Float64Array;
  readonly isTold: Uint8Array;
}

export class SlowSlots {
  /** When it is next told that the slot is slow; 0: it is not. */
  private dueAt: Float64Array;
  /** 1: it was told that it is. */
  private isTold: Uint8Array;
  private readonly health: SlotHealth;
  private readonly trips: RoundTrips;
  private readonly onSlow: (at: number, nowMicros: number) => void;

  constructor(
    health: SlotHealth,
    trips: RoundTrips,
    onSlow: (at: number, nowMicros: number) => void,
    old?: SlowSlotsState,
  ) {
    this.health = health;
    this.trips = trips;
    this.onSlow = onSlow;
    this.dueAt = old?.dueAt ?? new Float64Array(0);
    this.isTold = old?.isTold ?? new Uint8Array(0);
  }

  save(): SlowSlotsState {
    return { dueAt: this.dueAt, isTold: this.isTold };
  }

  grow(slots: number): void {
    this.dueAt = grown(new Float64Array(slots), this.dueAt);
    this.isTold = grown(new Uint8Array(slots), this.isTold);
  }

  /** Slower than others at the last look, for however long. */
  isSlow(at: number): boolean {
    return this.dueAt[at]! > 0;
  }

  /** Slower for so long that it was told. */
  isSlowForLong(at: number): boolean {
    return this.isTold[at] === 1;
  }

  /** The slot uses another source port: what was seen is of another route. */
  forget(at: number): void {
    this.dueAt[at] = 0;
    this.isTold[at] = 0;
  }

  /** Looks at a peer's slots, the first up to before `end`, `gapMicros` after the last look was due. */
  look(first: number, end: number, gapMicros: number, nowMicros: number): void {
    const { dueAt, health, trips } = this;
    const usual = this.median(first, end);
    for (let at = first; at < end; at++) {
      if (health.of(at) === SLOT_BAD || !isMuchSlower(trips.ranking(at), usual)) {
        this.forget(at);
        continue;
      }
      const isLong = dueAt[at]! > 0 && gapMicros <= MAX_GAP_MICROS;
      // A moment of silence says nothing of how fast it is: it is told after that.
      if (isLong && (nowMicros < dueAt[at]! || health.of(at) !== SLOT_HEALTHY)) continue;
      dueAt[at] = nowMicros + SLOW_FOR_MICROS;
      this.isTold[at] = isLong ? 1 : 0;
      if (isLong) this.onSlow(at, nowMicros);
    }
  }

  /**
   * Of all that were measured, whether they answer just now or not: a host that sleeps suspects many at once. Of two in the
   * middle the slower: where half of all are slow, none is slower than is usual.
   */
  private median(first: number, end: number): number {
    const { trips } = this;
    let known = 0;
    for (let at = first; at < end; at++) if (trips.ranking(at) > 0) known++;
    let median = Number.POSITIVE_INFINITY;
    for (let at = first; at < end; at++) {
      const ranking = trips.ranking(at);
      if (ranking === 0 || ranking >= median) continue;
      let upTo = 0;
      for (let other = first; other < end; other++) {
        const compared = trips.ranking(other);
        if (compared > 0 && compared <= ranking) upTo++;
      }
      if (upTo > known >> 1) median = ranking;
    }
    return median;
  }
}
