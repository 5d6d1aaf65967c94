// One direction of a link: a queue that drops at its tail, a rate, a propagation delay, and what may be wrong with
// it. Packets keep their order. As in the lab, loss and blackholes take packets where they arrive, so that a packet
// is gone which was on its way when the fault began, and its sender notices nothing.

import { chance, type Rng } from '../../src/base/rng.ts';
import type { Clock } from '../clock.ts';
import { Conveyor } from '../conveyor.ts';
import type { Trace } from '../trace.ts';
import { type Packet, wireBytes } from './packet.ts';

export interface LaneConditions {
  readonly bytesPerMicro: number;
  readonly delayMicros: number;
  /** Bytes that may wait behind the packet being sent. */
  readonly queueBytes: number;
  /** Probability from 0 to 1. */
  readonly lossRate: number;
  readonly isBlackhole: boolean;
  /** The carrier is gone: nothing is sent. */
  readonly isCut: boolean;
}

/** entered = passed + lost + blackholed + overflowed + cut + on its way. */
export interface LaneCounters {
  entered: number;
  passed: number;
  passedBytes: number;
  lost: number;
  blackholed: number;
  overflowed: number;
  cut: number;
}

const PASSED = 1;
const LOST = 2;
const BLACKHOLED = 3;
const OVERFLOWED = 4;
const CUT = 5;

export class Lane {
  conditions: LaneConditions;
  readonly counters: LaneCounters = {
    entered: 0,
    passed: 0,
    passedBytes: 0,
    lost: 0,
    blackholed: 0,
    overflowed: 0,
    cut: 0,
  };
  private readonly clock: Clock;
  private readonly rng: Rng;
  private readonly trace: Trace;
  private readonly number: number;
  private readonly out: (packet: Packet) => void;
  private readonly flight: Conveyor<Packet>;
  /** When everything accepted so far will have been sent. */
  private idleAtMicros = 0;

  /** `out` is called with every packet at the other end; `number` names the lane in the trace. */
  constructor(
    clock: Clock,
    rng: Rng,
    trace: Trace,
    number: number,
    conditions: LaneConditions,
    out: (packet: Packet) => void,
  ) {
    this.clock = clock;
    this.rng = rng;
    this.trace = trace;
    this.number = number;
    this.conditions = conditions;
    this.out = out;
    this.flight = new Conveyor(clock, (packet) => this.arrive(packet));
  }

  get inFlight(): number {
    return this.flight.length;
  }

  send(packet: Packet): void {
    const { conditions, counters } = this;
    const now = this.clock.nowMicros;
    const size = wireBytes(packet);
    counters.entered++;
    if (conditions.isCut) {
      counters.cut++;
      this.trace.note(now, CUT, this.number, size);
      return;
    }
    const startMicros = Math.max(now, this.idleAtMicros);
    if ((startMicros - now) * conditions.bytesPerMicro > conditions.queueBytes) {
      counters.overflowed++;
      this.trace.note(now, OVERFLOWED, this.number, size);
      return;
    }
    this.idleAtMicros = startMicros + size / conditions.bytesPerMicro;
    this.flight.push(this.idleAtMicros + conditions.delayMicros, packet);
  }

  private arrive(packet: Packet): void {
    const { conditions, counters } = this;
    const size = wireBytes(packet);
    let outcome = PASSED;
    if (conditions.isBlackhole) outcome = BLACKHOLED;
    else if (conditions.lossRate > 0 && chance(this.rng, conditions.lossRate)) outcome = LOST;
    this.trace.note(this.clock.nowMicros, outcome, this.number, size);
    if (outcome === BLACKHOLED) counters.blackholed++;
    else if (outcome === LOST) counters.lost++;
    else {
      counters.passed++;
      counters.passedBytes += size;
      this.out(packet);
    }
  }
}
