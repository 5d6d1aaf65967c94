// What round trips on each slot take: smoothed whole (RFC 6298) and in parts (BIFROST §D), and how long to wait for what is
// on its way. `at` is a slot of a peer in the order of the path table.

import { grown } from '../base/columns.ts';

/** Before any slot has a sample: about two round trips of a data centre (BIFROST §4.3). */
const INITIAL_TIMEOUT_MICROS = 4000;
/** An acknowledgement may wait this long at the receiver for data to ride with; samples do not contain it. */
export const ACK_DELAY_MICROS = 250;
/** Below this a probe costs more wake-ups than a faster repair is worth. */
const MIN_TIMEOUT_MICROS = 400;
const MAX_TIMEOUT_MICROS = 500_000;
/** Round trips that differ by less are alike: so far a host's own work moves them. */
export const ALIKE_MICROS = 50;
/** A sample counts at most as this many times the average, so that a spike moves nothing and a change soon does. */
const SPIKE = 2;
/** So much slower is not for want of luck. */
const SLOW_FACTOR = 2;
const SLOW_MICROS = 150;

/** Whether a way is slower than another by more than slots' shares of load make it. */
export function isMuchSlower(rttMicros: number, otherMicros: number): boolean {
  return rttMicros > SLOW_FACTOR * otherMicros + SLOW_MICROS;
}

export interface RoundTripsState {
  readonly srtt: Float64Array;
  readonly rttvar: Float64Array;
  readonly fabric: Float64Array;
  readonly endpoint: Float64Array;
  readonly hops: Uint8Array;
  readonly ranking: Float64Array;
  readonly longest: Float64Array;
}

export class RoundTrips {
  private columns: RoundTripsState;

  constructor(old?: RoundTripsState) {
    this.columns = old ?? newColumns(0, 0);
  }

  save(): RoundTripsState {
    return this.columns;
  }

  grow(slots: number, peers: number): void {
    this.columns = newColumns(slots, peers, this.columns);
  }

  /** Forgets what was measured on a slot. */
  forget(at: number): void {
    const { longest: _, ...ofSlots } = this.columns;
    for (const column of Object.values(ofSlots)) column[at] = 0;
  }

  /** Smoothed round trip, 0 before the first sample. */
  rttMicros(at: number): number {
    return this.columns.srtt[at]!;
  }

  /** Smoothed, of the way there and back without the hosts at its ends; 0 before the first sample. */
  fabricMicros(at: number): number {
    return this.columns.fabric[at]!;
  }

  /** The hosts' part of the same round trips, an acknowledgement's wait included. */
  endpointMicros(at: number): number {
    return this.columns.endpoint[at]!;
  }

  /** 0 when unknown. */
  hops(at: number): number {
    return this.columns.hops[at]!;
  }

  /** What slots are compared by, spikes cut off; 0 before the first sample. */
  ranking(at: number): number {
    return this.columns.ranking[at]!;
  }

  timeoutMicros(at: number, peer: number): number {
    const { srtt, rttvar } = this.columns;
    const smoothed = srtt[at]!;
    if (smoothed === 0) return this.firstTimeoutMicros(peer);
    const timeout = smoothed + Math.max(4 * rttvar[at]!, smoothed) + ACK_DELAY_MICROS;
    return Math.min(MAX_TIMEOUT_MICROS, Math.max(MIN_TIMEOUT_MICROS, timeout));
  }

  firstTimeoutMicros(peer: number): number {
    const longest = this.columns.longest[peer]!;
    if (longest === 0) return INITIAL_TIMEOUT_MICROS;
    return Math.min(INITIAL_TIMEOUT_MICROS, Math.max(MIN_TIMEOUT_MICROS, 4 * longest + ACK_DELAY_MICROS));
  }

  reorderMicros(at: number, peer: number): number {
    const { srtt, rttvar } = this.columns;
    const smoothed = srtt[at]!;
    if (smoothed === 0) return this.firstTimeoutMicros(peer);
    return smoothed + Math.max(4 * rttvar[at]!, smoothed / 2);
  }

  onSample(at: number, peer: number, rttMicros: number): void {
    const { srtt, rttvar, ranking, longest } = this.columns;
    const ranked = ranking[at]!;
    const counted = Math.min(rttMicros, SPIKE * ranked + ALIKE_MICROS);
    ranking[at] = ranked === 0 ? rttMicros : ranked + (counted - ranked) / 8;
    const smoothed = srtt[at]!;
    if (smoothed === 0) {
      srtt[at] = rttMicros;
      rttvar[at] = rttMicros / 2;
      longest[peer] = Math.max(longest[peer]!, rttMicros);
      return;
    }
    rttvar[at] = 0.75 * rttvar[at]! + 0.25 * Math.abs(smoothed - rttMicros);
    srtt[at] = 0.875 * smoothed + 0.125 * rttMicros;
  }

  onDelays(at: number, fabricMicros: number, endpointMicros: number, hopCount: number): void {
    const { fabric, endpoint, hops } = this.columns;
    const first = fabric[at] === 0;
    fabric[at] = first ? fabricMicros : 0.875 * fabric[at]! + 0.125 * fabricMicros;
    endpoint[at] = first ? endpointMicros : 0.875 * endpoint[at]! + 0.125 * endpointMicros;
    hops[at] = hopCount;
  }
}

function newColumns(slots: number, peers: number, old?: RoundTripsState): RoundTripsState {
  return {
    srtt: grown(new Float64Array(slots), old?.srtt),
    rttvar: grown(new Float64Array(slots), old?.rttvar),
    fabric: grown(new Float64Array(slots), old?.fabric),
    endpoint: grown(new Float64Array(slots), old?.endpoint),
    hops: grown(new Uint8Array(slots), old?.hops),
    ranking: grown(new Float64Array(slots), old?.ranking),
    longest: grown(new Float64Array(peers), old?.longest),
  };
}
