// The sender's side of pauses (Backdraft §4.3): flows that other switches, or receivers on this host, asked to pause. A flow
// waits until its pause is over and then keeps to the rate that came with it.
//
// Whatever frames come, every flow stays alive:
// - A pause is at most 10 ms from its arrival; only a newer frame makes it longer. Without any, the rate grows by a quarter
//   every 5 ms until it is none: a lost release costs a quarter of a second at most, from the lowest rate there is.
// - The lowest rate is one frame in 10 ms, however large. Where one pause follows upon another for ever, as for a receiver
//   that reads nothing, a frame may go every second, like TCP's probes of a zero window: nobody can silence a flow.
// - Of two frames the newer counts. A sequence further ahead than the time since the last frame was made up: it would
//   make all true ones old. A flow that is free is remembered a while, so that a frame that comes late does not pause it.
//
// Rates are kept by debt: a flow sends while it owes nothing, and a frame may be larger than what it has.

import { type Columns, columnsOf } from '../../base/columns.ts';
import { serialDiff } from '../../base/serial.ts';
import { TimerWheel, type TimerWheelState } from '../../base/timer-wheel.ts';

export const MAX_PAUSE_MICROS = 10_000;
/** A flow of the lowest rate sends a frame so often, whatever it owes. */
export const FLOOR_MICROS = 10_000;
/** And a paused one so often. */
export const PERSIST_MICROS = 1_000_000;
export const GROW_MICROS = 5_000;
const GROWTH = 1.25;
/** A frame of 1500 bytes in 10 ms. */
export const FLOOR_RATE = 150_000;
/** 100 Gbit/s: a rate beyond is none. */
export const FREE_RATE = 12.5e9;
/** So much may be sent at once after a flow was idle. */
const BURST_MICROS = 1_000;
/** How long a flow is remembered that is free again. */
const MEMORY_MICROS = 100_000;
/** A frame on a fast path after one on a slow path is ahead of time by the difference. */
const LEAD_MICROS = 50_000;

/** What `obey` says of a frame. */
export const PAUSE_OBEYED = 0;
/** A newer one came before. */
export const PAUSE_OLD = 1;
/** Nobody can have sent it yet. */
export const PAUSE_AHEAD = 2;

const FREE = 0;
const LIMITED = 1;
const REMEMBERED = 2;

const SHAPE = {
  state: Uint8Array,
  sequence: Uint32Array,
  heardAt: Float64Array,
  pausedUntil: Float64Array,
  /** Bytes per second; Infinity: none. */
  rate: Float64Array,
  grownAt: Float64Array,
  /** Bytes that may be sent; below zero they are owed. */
  credit: Float64Array,
  filledAt: Float64Array,
  /** When the flow sent last, or was first asked to wait. */
  sentAt: Float64Array,
} as const;

export interface ThrottleCounters {
  obeyed: number;
  /** Of these, those that let a flow go. */
  released: number;
  old: number;
  ahead: number;
  /** Obeyed in part: the pause was longer, or the rate lower, than there are. */
  capped: number;
  /** Frames that went in spite of a pause, to keep their flow alive. */
  persisted: number;
}

export interface ThrottleState {
  readonly counters: ThrottleCounters;
  readonly columns: Columns<typeof SHAPE>;
  readonly timers: TimerWheelState;
  readonly limited: number;
}

export interface ThrottleEvents {
  /** A flow that was parked may send. */
  wake(flow: number): void;
  /** No limit holds any more. */
  released(flow: number): void;
  /** And nothing is remembered of it. */
  forgotten(flow: number): void;
}

export class FlowThrottle {
  readonly counters: ThrottleCounters;
  /** Flows that may have to wait. */
  limited: number;
  private readonly events: ThrottleEvents;
  private columns: Columns<typeof SHAPE>;
  /** Two for each flow: the end of what limits it, or is remembered; and its turn to send. */
  private readonly timers: TimerWheel;
  private now: number;

  constructor(nowMicros: number, events: ThrottleEvents, old?: ThrottleState) {
    this.now = nowMicros;
    this.events = events;
    this.counters = old?.counters ?? { obeyed: 0, released: 0, old: 0, ahead: 0, capped: 0, persisted: 0 };
    this.columns = old?.columns ?? columnsOf(SHAPE, 64);
    this.timers = new TimerWheel(nowMicros, undefined, old?.timers);
    this.limited = old?.limited ?? 0;
  }

  save(): ThrottleState {
    const { counters, columns, timers, limited } = this;
    return { counters, columns, timers: timers.save(), limited };
  }

  /** The flow keeps its number while it is: something is known of it. */
  keeps(flow: number): boolean {
    return flow < this.columns.state.length && this.columns.state[flow] !== FREE;
  }

  /** It may have to wait. */
  isLimited(flow: number): boolean {
    return flow < this.columns.state.length && this.columns.state[flow] === LIMITED;
  }

  pausedUntil(flow: number): number {
    return this.isLimited(flow) ? this.columns.pausedUntil[flow]! : 0;
  }

  /** Infinity: none. */
  rateBytesPerSecond(now: number, flow: number): number {
    if (!this.isLimited(flow)) return Number.POSITIVE_INFINITY;
    this.grow(now, flow);
    return this.columns.rate[flow]!;
  }

  /** A frame about this flow came: PAUSE_…. A release is a pause of 0 and an infinite rate. */
  obey(now: number, flow: number, sequence: number, pauseMicros: number, rateBytesPerSecond: number): number {
    if (flow >= this.columns.state.length) {
      this.columns = columnsOf(SHAPE, Math.max(flow + 1, this.columns.state.length * 2), this.columns);
    }
    const { columns, counters } = this;
    if (columns.state[flow] !== FREE) {
      const ahead = serialDiff(sequence, columns.sequence[flow]!);
      if (ahead <= 0) {
        counters.old++;
        return PAUSE_OLD;
      }
      if (ahead > now - columns.heardAt[flow]! + LEAD_MICROS) {
        counters.ahead++;
        return PAUSE_AHEAD;
      }
    }
    if (columns.state[flow] === FREE) columns.sentAt[flow] = now;
    counters.obeyed++;
    columns.sequence[flow] = sequence;
    columns.heardAt[flow] = now;
    if (pauseMicros <= 0 && rateBytesPerSecond >= FREE_RATE) this.release(now, flow);
    else this.limit(now, flow, pauseMicros, rateBytesPerSecond);
    return PAUSE_OBEYED;
  }

  private limit(now: number, flow: number, pauseMicros: number, rateBytesPerSecond: number): void {
    const { columns, counters } = this;
    if (pauseMicros > MAX_PAUSE_MICROS || rateBytesPerSecond < FLOOR_RATE) counters.capped++;
    if (columns.state[flow] !== LIMITED) {
      this.limited++;
      columns.state[flow] = LIMITED;
      columns.credit[flow] = 0;
      columns.filledAt[flow] = now;
    }
    const until = now + Math.min(pauseMicros, MAX_PAUSE_MICROS);
    this.fill(now, flow);
    columns.pausedUntil[flow] = until;
    columns.rate[flow] = Math.max(rateBytesPerSecond, FLOOR_RATE);
    columns.grownAt[flow] = until;
    // Nothing is saved up in a pause.
    columns.filledAt[flow] = until;
    columns.credit[flow] = Math.min(columns.credit[flow]!, 0);
    this.timers.set(2 * flow, until + freeAfterMicros(columns.rate[flow]!));
    this.reconsider(now, flow);
  }

  private release(now: number, flow: number): void {
    this.counters.released++;
    if (this.columns.state[flow] === LIMITED) this.free(now, flow);
    else if (this.columns.state[flow] === FREE) this.remember(now, flow);
  }

  private free(now: number, flow: number): void {
    this.limited--;
    this.remember(now, flow);
    this.reconsider(now, flow);
    this.events.released(flow);
  }

  private remember(now: number, flow: number): void {
    this.columns.state[flow] = REMEMBERED;
    this.timers.set(2 * flow, now + MEMORY_MICROS);
  }

  /** When the flow may send its next frame: at once if that is not after `now`. */
  readyAt(now: number, flow: number): number {
    const { columns } = this;
    if (!this.isLimited(flow)) return now;
    const persistAt = columns.sentAt[flow]! + PERSIST_MICROS;
    if (now < columns.pausedUntil[flow]!) return Math.min(columns.pausedUntil[flow]!, persistAt);
    this.fill(now, flow);
    const owed = -columns.credit[flow]!;
    if (owed <= 0) return now;
    const paidAt = now + (owed / columns.rate[flow]!) * 1e6;
    return Math.min(paidAt, Math.max(columns.pausedUntil[flow]!, columns.sentAt[flow]! + FLOOR_MICROS));
  }

  /** It sent a frame of so many bytes. */
  sent(now: number, flow: number, bytes: number): void {
    if (!this.keeps(flow)) return;
    const { columns } = this;
    columns.sentAt[flow] = now;
    if (!this.isLimited(flow)) return;
    if (now < columns.pausedUntil[flow]!) this.counters.persisted++;
    else this.fill(now, flow);
    // Who sent though it owed did so by the lowest rate, and owes that frame alone.
    columns.credit[flow] = Math.max(columns.credit[flow]!, 0) - bytes;
  }

  /** `events.wake` is to be called when the flow may send. */
  park(now: number, flow: number): void {
    this.timers.set(2 * flow + 1, this.readyAt(now, flow));
  }

  /** The flow is gone, or has nothing to send. */
  unpark(flow: number): void {
    this.timers.cancel(2 * flow + 1);
  }

  /** Acts on what is over. */
  advance(now: number): void {
    this.now = now;
    this.timers.expire(now, this.fire);
  }

  nextTimeout(): number {
    return this.timers.nextTimeout();
  }

  private readonly fire = (timer: number): void => {
    const flow = timer >>> 1;
    const { state } = this.columns;
    if ((timer & 1) === 1) this.events.wake(flow);
    else if (state[flow] === LIMITED) this.free(this.now, flow);
    else if (state[flow] === REMEMBERED) {
      state[flow] = FREE;
      this.events.forgotten(flow);
    }
  };

  /** A parked flow's turn has moved. */
  private reconsider(now: number, flow: number): void {
    if (this.timers.isSet(2 * flow + 1)) this.park(now, flow);
  }

  private fill(now: number, flow: number): void {
    this.grow(now, flow);
    const { columns } = this;
    const rate = columns.rate[flow]!;
    const micros = now - columns.filledAt[flow]!;
    if (micros <= 0) return;
    columns.filledAt[flow] = now;
    const most = (rate * BURST_MICROS) / 1e6;
    columns.credit[flow] = Math.min(columns.credit[flow]! + (rate * micros) / 1e6, most);
  }

  private grow(now: number, flow: number): void {
    const { columns } = this;
    const micros = now - columns.grownAt[flow]!;
    if (micros < GROW_MICROS) return;
    columns.rate[flow] = grownRate(columns.rate[flow]!, micros);
    columns.grownAt[flow]! += micros - (micros % GROW_MICROS);
  }
}

/** A rate after a time without a frame. */
export function grownRate(rate: number, micros: number): number {
  return micros < GROW_MICROS ? rate : rate * GROWTH ** Math.floor(micros / GROW_MICROS);
}

/** How long a rate grows until it is none. */
function freeAfterMicros(rate: number): number {
  if (rate >= FREE_RATE) return 0;
  const steps = Math.ceil(Math.log(FREE_RATE / rate) / Math.log(GROWTH));
  return steps * GROW_MICROS;
}
