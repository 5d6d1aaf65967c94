// The receiver's side of pauses (Backdraft §4.3): how full each receive queue is, how fast its owner takes from it, and
// what its sender is asked for. One object for all flows of a switch; it sees bytes come and go, and says what to send.
//
// - A queue above Th_over asks for a pause of (Th_curr − Th_goal) / R_recv, 10 ms at most, and for R_recv from then on. The next
//   frame comes when that pause has passed, or, while the queue is still above Th_over, a round trip before, so that one
//   pause joins another.
// - What goes on arriving when it should have stopped says that the frame was lost: it is said again, a round trip and a half
//   after it was first. So a lost frame costs some round trips, not a pause. (The paper leaves it to the next one.)
// - R_recv counts only while something waits: else it would be the sender's rate. Before it is known, a short pause
//   without a rate gives time to measure it.
// - Nobody starves. A queue that runs dry in a pause had a faster owner than was thought: the sender is told at once, and
//   Th_goal is doubled for the flow, for a while. An owner that takes everything as it comes, though the sender is held to a
//   rate, has the rate doubled, and again until something waits.
// - A queue that was empty for 10 ms is released. A lost release heals at the sender.

import { type Columns, clearRow, columnsOf } from '../../base/columns.ts';
import { TimerWheel, type TimerWheelState } from '../../base/timer-wheel.ts';
import { ReceiveRates, type ReceiveRatesState } from './receive-rates.ts';
import type { Thresholds } from './thresholds.ts';
import { FREE_RATE, grownRate, MAX_PAUSE_MICROS } from './throttle.ts';

/** Until a queue that stays empty is released. */
const RELEASE_MICROS = 10_000;
/** By then what a frame asked for is over, released or not. */
const FORGET_MICROS = 400_000;
/** For a flow whose rate is not known yet. */
const MEASURE_MICROS = 1_000;
/** Frames of one flow are at least so far apart. */
const LEAST_GAP_MICROS = 50;
/** Of what arrives late, what is not evidence of a lost frame: retransmissions. */
const LATE_BATCHES = 0.5;
const LATE_TRIPS = 1.5;
const LATE_MICROS = 300;
/** What waited no longer was taken as it came. */
const AT_ONCE_MICROS = 100;
/** For so long everything is taken at once when a rate is doubled, or for two round trips. */
const HUNGRY_MICROS = 1_000;
const HUNGRY_TRIPS = 2;
const MOST_RAISED = 4;
const RAISED_MICROS = 1_000_000;

const SHAPE = {
  depth: Float64Array,
  /** 1: the sender was asked for something that may still hold. */
  asked: Uint8Array,
  askedAt: Float64Array,
  /** When the pause that was asked for is over, by our clock. */
  pauseEnds: Float64Array,
  /** No frame before. */
  nextAt: Float64Array,
  /** Since when the queue is empty, or is not. */
  emptyAt: Float64Array,
  filledAt: Float64Array,
  /** Since when nothing had to wait, and what was taken in that time. */
  hungryAt: Float64Array,
  fed: Float64Array,
  /** The rate that the sender was told. */
  told: Float64Array,
  /** Taken since the last frame was sent, and arrived though it should not have. */
  taken: Float64Array,
  late: Float64Array,
  raised: Uint8Array,
  raisedAt: Float64Array,
} as const;

export interface IssuerCounters {
  /** Pauses asked for. */
  pauses: number;
  /** Of these: the first was not over; the first was lost. */
  renewed: number;
  repeated: number;
  /** Pauses cut short because the queue ran dry; rates doubled because it stayed so. */
  shortened: number;
  doubled: number;
  releases: number;
}

export interface IssuerState {
  readonly counters: IssuerCounters;
  readonly columns: Columns<typeof SHAPE>;
  readonly rates: ReceiveRatesState;
  readonly timers: TimerWheelState;
  /** When all senders were told their owners' rates last. */
  readonly toldAllAt: number;
}

/** Where frames go, and how far that is. */
export interface PauseOutlet {
  ask(now: number, flow: number, pauseMicros: number, rateBytesPerSecond: number): void;
  /** From this host to the flow's sender and back. */
  rttMicros(flow: number): number;
  /** What may still be queued for the flow and those that share memory with it, when all that is on its way has come. */
  roomBytes(flow: number): number;
  /** Nothing that was asked holds any more: the flow's number need not be kept. */
  done(flow: number): void;
}

export class PauseIssuer {
  readonly counters: IssuerCounters;
  private readonly thresholds: Thresholds;
  private readonly outlet: PauseOutlet;
  private readonly rates: ReceiveRates;
  private readonly timers: TimerWheel;
  private columns: Columns<typeof SHAPE>;
  private now: number;
  private toldAllAt: number;

  constructor(nowMicros: number, thresholds: Thresholds, outlet: PauseOutlet, old?: IssuerState) {
    this.now = nowMicros;
    this.thresholds = thresholds;
    this.outlet = outlet;
    this.counters = old?.counters ?? {
      pauses: 0,
      renewed: 0,
      repeated: 0,
      shortened: 0,
      doubled: 0,
      releases: 0,
    };
    this.columns = old?.columns ?? columnsOf(SHAPE, 64);
    this.rates = new ReceiveRates(old?.rates);
    this.timers = new TimerWheel(nowMicros, undefined, old?.timers);
    this.toldAllAt = old?.toldAllAt ?? 0;
  }

  save(): IssuerState {
    const { counters, columns, rates, timers, toldAllAt } = this;
    return { counters, columns, rates: rates.save(), timers: timers.save(), toldAllAt };
  }

  /** The flow keeps its number while its sender may be held back by what it was asked. */
  keeps(flow: number): boolean {
    return flow < this.columns.depth.length && this.columns.asked[flow] === 1;
  }

  depthBytes(flow: number): number {
    return flow < this.columns.depth.length ? this.columns.depth[flow]! : 0;
  }

  /** What the owner takes while something waits; Infinity: not known. */
  rateBytesPerSecond(now: number, flow: number): number {
    return this.rates.bytesPerSecond(now, flow);
  }

  /** Bytes came into the flow's queue. */
  arrived(now: number, flow: number, bytes: number): void {
    this.reach(flow);
    const { columns, thresholds } = this;
    if (columns.depth[flow] === 0) {
      columns.filledAt[flow] = now;
      this.rates.begin(now, flow);
    }
    const depth = columns.depth[flow]! + bytes;
    columns.depth[flow] = depth;
    if (columns.asked[flow] === 1) this.judgeLate(now, flow, bytes);
    if (now < columns.nextAt[flow]!) return;
    if (depth > Math.min(thresholds.leastOverBytes, this.limitBytes(flow))) this.consider(now, flow);
  }

  /** Bytes came for which there is no room: its sender is asked at once, however little waits. */
  refused(now: number, flow: number): void {
    this.reach(flow);
    if (now < this.columns.nextAt[flow]!) return;
    const rate = this.rates.bytesPerSecond(now, flow);
    this.pause(now, flow, rate, 0, this.outlet.rttMicros(flow), MEASURE_MICROS);
  }

  /** The flow's owner took bytes out of its queue, or they were dropped. */
  taken(now: number, flow: number, bytes: number): void {
    const { columns } = this;
    const depth = columns.depth[flow]! - bytes;
    columns.depth[flow] = depth;
    columns.taken[flow]! += bytes;
    this.rates.taken(now, flow, bytes, depth === 0);
    if (depth > 0 || columns.asked[flow] === 0) return;
    columns.emptyAt[flow] = now;
    const rtt = this.outlet.rttMicros(flow);
    // Later than that, what is on its way already arrives as soon as what a new frame would bring.
    if (now + rtt < columns.pauseEnds[flow]!) this.shorten(now, flow);
    else this.feed(now, flow, bytes, rtt);
  }

  /** The flow's owner had room for bytes that came, and nothing waited before them: they never were in its queue. */
  passed(now: number, flow: number, bytes: number): void {
    const { columns } = this;
    if (columns.depth[flow]! > 0) return;
    columns.filledAt[flow] = now;
    this.feed(now, flow, bytes, this.outlet.rttMicros(flow));
  }

  /** The flow is gone, with all that waited in it. */
  forget(flow: number): void {
    if (flow >= this.columns.depth.length) return;
    clearRow(this.columns, flow);
    this.rates.forget(flow);
    this.timers.cancel(flow);
  }

  /** Acts on what is due. */
  advance(now: number): void {
    this.now = now;
    this.timers.expire(now, this.fire);
  }

  nextTimeout(): number {
    return this.timers.nextTimeout();
  }

  private readonly fire = (flow: number): void => {
    const { columns, now } = this;
    if (this.consider(now, flow)) return;
    const isEmpty = columns.depth[flow] === 0;
    const isIdle = isEmpty && now >= columns.emptyAt[flow]! + RELEASE_MICROS;
    if (isIdle && columns.asked[flow] === 1 && this.limitBytes(flow) > 0) this.release(now, flow);
    if (now >= columns.askedAt[flow]! + FORGET_MICROS) columns.asked[flow] = 0;
    if (columns.asked[flow] === 0) this.outlet.done(flow);
    else this.timers.set(flow, Math.max(now, isEmpty ? columns.emptyAt[flow]! : now) + RELEASE_MICROS);
  };

  /** Asks for a pause when the queue is too full; true when it did. */
  private consider(now: number, flow: number): boolean {
    const { columns } = this;
    const rate = this.rates.bytesPerSecond(now, flow);
    const rtt = this.outlet.rttMicros(flow);
    const bdpBytes = rate === Number.POSITIVE_INFINITY ? 0 : (rate * rtt) / 1e6;
    const depth = columns.depth[flow]!;
    const limit = this.limitBytes(flow);
    if (limit === 0) this.tellAll(now);
    if (depth <= Math.min(this.thresholds.overBytes(bdpBytes, columns.raised[flow]!), limit)) return false;
    if (columns.asked[flow] === 1 && now < columns.pauseEnds[flow]!) this.counters.renewed++;
    this.pause(now, flow, rate, bdpBytes, rtt);
    return true;
  }

  private pause(
    now: number,
    flow: number,
    rate: number,
    bdpBytes: number,
    rtt: number,
    leastMicros = 1,
  ): void {
    const { columns } = this;
    this.lower(now, flow);
    const limit = this.limitBytes(flow);
    const goal = Math.min(this.thresholds.goalBytes(bdpBytes, columns.raised[flow]!), limit / 2);
    const excess = columns.depth[flow]! - goal;
    const wanted = rate === Number.POSITIVE_INFINITY ? MEASURE_MICROS : (excess / rate) * 1e6;
    const pauseMicros = Math.floor(Math.min(Math.max(wanted, leastMicros), MAX_PAUSE_MICROS));
    this.counters.pauses++;
    columns.pauseEnds[flow] = now + pauseMicros;
    columns.nextAt[flow] = now + Math.max(pauseMicros - rtt, pauseMicros / 2, LEAST_GAP_MICROS);
    this.say(now, flow, pauseMicros, rate);
    this.timers.set(flow, columns.nextAt[flow]!);
  }

  /**
   * There is no room but for what is on its way: senders that are free are told the rates of their owners before they send,
   * since what each could send in a round trip has no room any more.
   */
  private tellAll(now: number): void {
    if (now < this.toldAllAt + RELEASE_MICROS) return;
    this.toldAllAt = now;
    const { columns } = this;
    for (let flow = 0; flow < columns.depth.length; flow++) {
      if (columns.asked[flow] === 1 || !this.rates.isKnown(flow)) continue;
      columns.pauseEnds[flow] = now;
      if (columns.depth[flow] === 0) columns.emptyAt[flow] = now;
      this.say(now, flow, 0, this.rates.bytesPerSecond(now, flow));
      this.timers.set(flow, now + RELEASE_MICROS);
    }
  }

  /** What may wait of a flow for want of memory; 0: nothing. */
  private limitBytes(flow: number): number {
    return this.thresholds.bearableBytes(this.outlet.roomBytes(flow));
  }

  private say(now: number, flow: number, pauseMicros: number, rate: number): void {
    const { columns } = this;
    columns.asked[flow] = 1;
    columns.askedAt[flow] = now;
    columns.told[flow] = rate;
    columns.taken[flow] = 0;
    columns.late[flow] = 0;
    columns.hungryAt[flow] = now;
    columns.fed[flow] = 0;
    this.outlet.ask(now, flow, pauseMicros, rate);
  }

  /** Bytes arrived after a frame: should the sender not have stopped by now? */
  private judgeLate(now: number, flow: number, bytes: number): void {
    const { columns } = this;
    if (now >= columns.pauseEnds[flow]!) return;
    const rtt = this.outlet.rttMicros(flow);
    if (now < columns.askedAt[flow]! + LATE_TRIPS * rtt + LATE_MICROS) return;
    columns.late[flow]! += bytes;
    if (columns.late[flow]! < LATE_BATCHES * this.thresholds.batchBytes) return;
    const rate = this.rates.bytesPerSecond(now, flow);
    const bdpBytes = rate === Number.POSITIVE_INFINITY ? 0 : (rate * rtt) / 1e6;
    if (columns.depth[flow]! <= this.thresholds.goalBytes(bdpBytes, columns.raised[flow]!)) return;
    this.counters.repeated++;
    this.pause(now, flow, rate, bdpBytes, rtt);
  }

  /** The queue is empty though the sender waits. */
  private shorten(now: number, flow: number): void {
    const { columns } = this;
    // A batch that was taken just after it was asked says little of a rate.
    const micros = Math.max(now - columns.askedAt[flow]!, MEASURE_MICROS);
    this.rates.atLeast(flow, (columns.taken[flow]! / micros) * 1e6);
    if (columns.raised[flow]! < MOST_RAISED) columns.raised[flow]!++;
    columns.raisedAt[flow] = now;
    columns.pauseEnds[flow] = now;
    columns.nextAt[flow] = now;
    this.counters.shortened++;
    this.say(now, flow, 0, this.rates.bytesPerSecond(now, flow));
    this.timers.set(flow, now + RELEASE_MICROS);
  }

  /** The queue is empty and the sender may send: is its rate too low? */
  private feed(now: number, flow: number, bytes: number, rtt: number): void {
    const { columns } = this;
    if (now > columns.filledAt[flow]! + AT_ONCE_MICROS || now < columns.pauseEnds[flow]!) {
      columns.hungryAt[flow] = now;
      columns.fed[flow] = 0;
      return;
    }
    columns.fed[flow]! += bytes;
    const since = Math.max(columns.hungryAt[flow]!, columns.pauseEnds[flow]!);
    // One frame says little of a rate.
    if (now < since + Math.max(HUNGRY_MICROS, HUNGRY_TRIPS * rtt) || columns.fed[flow] === bytes) return;
    const rate = 2 * grownRate(columns.told[flow]!, now - columns.pauseEnds[flow]!);
    if (rate >= FREE_RATE) {
      this.release(now, flow);
      // `done` is not said from within a call about the flow.
      this.timers.set(flow, now);
      return;
    }
    this.counters.doubled++;
    columns.pauseEnds[flow] = now;
    this.say(now, flow, 0, rate);
  }

  private release(now: number, flow: number): void {
    this.counters.releases++;
    this.say(now, flow, 0, Number.POSITIVE_INFINITY);
    this.columns.asked[flow] = 0;
  }

  private reach(flow: number): void {
    const { length } = this.columns.depth;
    if (flow >= length) this.columns = columnsOf(SHAPE, Math.max(flow + 1, length * 2), this.columns);
  }

  /** Th_goal comes down again, step by step. */
  private lower(now: number, flow: number): void {
    const { raised, raisedAt } = this.columns;
    if (raised[flow] === 0 || now < raisedAt[flow]! + RAISED_MICROS) return;
    raised[flow]!--;
    raisedAt[flow] = now;
  }
}
