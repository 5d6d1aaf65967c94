// One way through the network: packets of one slot in one direction. It keeps their order unless it is told to
// reorder, and what it does to a packet depends on its seed and the packets before only.

import { chance, type Rng } from '../src/base/rng.ts';

/** Rates are probabilities from 0 to 1. */
export interface Conditions {
  readonly lossRate: number;
  readonly duplicationRate: number;
  readonly corruptionRate: number;
  /** Packets that are held back for up to `reorderMicros`, so that later ones overtake them. */
  readonly reorderRate: number;
  readonly reorderMicros: number;
  readonly delayMicros: number;
  /** Added to the delay, uniformly from nothing up to this. */
  readonly jitterMicros: number;
  /** Infinity: sending takes no time. */
  readonly bytesPerMicro: number;
}

export const PERFECT: Conditions = {
  lossRate: 0,
  duplicationRate: 0,
  corruptionRate: 0,
  reorderRate: 0,
  reorderMicros: 0,
  delayMicros: 50,
  jitterMicros: 0,
  bytesPerMicro: Number.POSITIVE_INFINITY,
};

export interface Interval {
  readonly fromMicros: number;
  readonly toMicros: number;
}

/** Bytes around a packet on the wire: Ethernet with preamble, gap and check sequence, IPv4, UDP. */
const WIRE_OVERHEAD_BYTES = 38 + 20 + 8;

/** A copy on its way; `intact` is false when bits of it were flipped. */
export type Arrival = (atMicros: number, packet: Uint8Array, intact: boolean) => void;

export class Channel {
  conditions: Conditions;
  /** Times in which nothing comes through. */
  blackholes: Interval[] = [];
  /** Picks packets to lose, for stories about certain ones. */
  drops: (packet: Uint8Array, nowMicros: number) => boolean = () => false;
  readonly counters = { sent: 0, lost: 0, duplicated: 0, corrupted: 0, reordered: 0 };
  private readonly rng: Rng;
  private idleAt = 0;
  private lastArrival = 0;

  constructor(conditions: Conditions, rng: Rng) {
    this.conditions = conditions;
    this.rng = rng;
  }

  /** Sends a packet, which nobody may change any more. */
  send(nowMicros: number, packet: Uint8Array, arrive: Arrival): void {
    const { conditions, counters, rng } = this;
    counters.sent++;
    const wireMicros = (packet.length + WIRE_OVERHEAD_BYTES) / conditions.bytesPerMicro;
    this.idleAt = Math.max(nowMicros, this.idleAt) + wireMicros;
    if (this.isBlackhole(nowMicros) || chance(rng, conditions.lossRate) || this.drops(packet, nowMicros)) {
      counters.lost++;
      return;
    }
    arrive(this.arrivalMicros(), ...this.damaged(packet));
    if (chance(rng, conditions.duplicationRate)) {
      counters.duplicated++;
      arrive(this.arrivalMicros(), ...this.damaged(packet));
    }
  }

  isBlackhole(nowMicros: number): boolean {
    return this.blackholes.some(
      ({ fromMicros, toMicros }) => fromMicros <= nowMicros && nowMicros < toMicros,
    );
  }

  private arrivalMicros(): number {
    const { conditions, counters, rng } = this;
    const at = Math.round(this.idleAt + conditions.delayMicros + fraction(rng) * conditions.jitterMicros);
    if (chance(rng, conditions.reorderRate)) {
      counters.reordered++;
      return Math.round(Math.max(at, this.lastArrival) + fraction(rng) * conditions.reorderMicros);
    }
    this.lastArrival = Math.max(at, this.lastArrival);
    return this.lastArrival;
  }

  private damaged(packet: Uint8Array): [packet: Uint8Array, intact: boolean] {
    if (!chance(this.rng, this.conditions.corruptionRate)) return [packet, true];
    this.counters.corrupted++;
    const copy = packet.slice();
    for (let flips = 1 + (this.rng.u32() & 3); flips > 0; flips--) {
      copy[Math.floor(fraction(this.rng) * copy.length)]! ^= 1 << (this.rng.u32() & 7);
    }
    return [copy, false];
  }
}

function fraction(rng: Rng): number {
  return rng.u32() / 0x1_0000_0000;
}
