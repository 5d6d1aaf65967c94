// A link that several flows share: a queue that drops at its tail, a rate, random loss, and marks (RFC 3168) on what
// finds more than a threshold waiting. It measures how long packets wait.

import { chance, type Rng } from '../../src/base/rng.ts';
import type { Clock } from '../clock.ts';
import { Conveyor } from '../conveyor.ts';

export interface BottleneckConditions {
  readonly bitsPerSecond: number;
  /** Bytes that may wait. */
  readonly queueBytes: number;
  /** Probability from 0 to 1 of each packet. */
  readonly lossRate?: number;
  /** Bytes waiting from which on packets are marked. */
  readonly markBytes?: number;
}

export interface Markable {
  readonly bytes: number;
  isMarked: boolean;
}

export class Bottleneck<P extends Markable> {
  conditions: BottleneckConditions;
  readonly counters = { passed: 0, passedBytes: 0, overflowed: 0, lost: 0, marked: 0 };
  private readonly clock: Clock;
  private readonly rng: Rng;
  private readonly flight: Conveyor<P>;
  private idleAtMicros = 0;
  private waitedMicros = 0;
  private waited = 0;

  /** `out` gets each packet when its last bit has left the link. */
  constructor(clock: Clock, rng: Rng, conditions: BottleneckConditions, out: (packet: P) => void) {
    this.clock = clock;
    this.rng = rng;
    this.conditions = conditions;
    this.flight = new Conveyor(clock, out);
  }

  send(packet: P): void {
    const { conditions, counters, clock } = this;
    const bytesPerMicro = conditions.bitsPerSecond / 8e6;
    const waitMicros = Math.max(0, this.idleAtMicros - clock.nowMicros);
    const waiting = waitMicros * bytesPerMicro;
    if (waiting + packet.bytes > conditions.queueBytes) {
      counters.overflowed++;
      return;
    }
    if (waiting > (conditions.markBytes ?? Number.POSITIVE_INFINITY)) {
      packet.isMarked = true;
      counters.marked++;
    }
    this.waitedMicros += waitMicros;
    this.waited++;
    this.idleAtMicros = clock.nowMicros + waitMicros + packet.bytes / bytesPerMicro;
    if (chance(this.rng, conditions.lossRate ?? 0)) {
      counters.lost++;
      return;
    }
    counters.passed++;
    counters.passedBytes += packet.bytes;
    this.flight.push(this.idleAtMicros, packet);
  }

  /** How long packets have waited on average since it was asked last. */
  takeMeanWaitMicros(): number {
    const mean = this.waited === 0 ? 0 : this.waitedMicros / this.waited;
    this.waitedMicros = 0;
    this.waited = 0;
    return mean;
  }
}
