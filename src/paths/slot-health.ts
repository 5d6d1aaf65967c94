// The health of each slot, and the probes that decide it. A slot is healthy, suspect (it owes us an answer: nothing new is
// put on it while another is healthy) or bad (only probes). `at` is a slot of a peer in the order of the path table.
//
//   healthy ──timeout──▶ suspect ──another timeout, or probe unanswered──▶ bad
//   suspect ──acknowledgement by the slot, probe answered──▶ healthy     bad ──two probes in a row answered──▶ healthy
//   healthy ──loses too much──▶ bad, and held there: that probes are answered says little of a path that loses some

import { grown } from '../base/columns.ts';
import { TimerWheel, type TimerWheelState } from '../base/timer-wheel.ts';
import {
  LEFT_LOSS,
  LEFT_PROBE,
  LEFT_SILENCE,
  type LeftWhy,
  SlotHistory,
  type SlotHistoryState,
  type SlotStory,
} from './slot-history.ts';

export const SLOT_HEALTHY = 0;
export const SLOT_SUSPECT = 1;
export const SLOT_BAD = 2;
export const SLOT_STATE_NAMES = ['healthy', 'suspect', 'bad'] as const;

const FIRST_PROBE_MICROS = 5000;
const MAX_PROBE_MICROS = 1_000_000;
const ANSWERS_TO_RECOVER = 2;
/** Timeouts that a slot nothing is waiting for has for its answer. */
const PATIENT_PROBES = 4;

/** Times a slot left or came back to service, or changed its source port, for people. */
export interface PathChanges {
  suspected: number;
  failed: number;
  recovered: number;
  rebound: number;
}

export interface SlotHealthState {
  readonly state: Uint8Array;
  readonly answers: Uint8Array;
  readonly awaiting: Uint8Array;
  readonly held: Uint8Array;
  readonly suspectSince: Float64Array;
  readonly probeInterval: Float64Array;
  readonly probes: TimerWheelState;
  readonly history: SlotHistoryState;
  readonly changes: PathChanges;
}

/** What the path table knows of a slot, and is to know. */
export interface SlotKeeper {
  timeoutMicrosOf(at: number): number;
  /** The slot is in another state than before. */
  onChange(at: number, from: number, nowMicros: number): void;
}

export class SlotHealth {
  readonly changes: PathChanges;
  private state: Uint8Array;
  /** Probes answered in a row, and 1 while one is not answered yet. */
  private answers: Uint8Array;
  private awaiting: Uint8Array;
  /** 1: it is bad until it is released, or bound to another source port. */
  private held: Uint8Array;
  private suspectSince: Float64Array;
  private probeInterval: Float64Array;
  private readonly probes: TimerWheel;
  private readonly history: SlotHistory;
  private readonly keeper: SlotKeeper;

  constructor(nowMicros: number, keeper: SlotKeeper, old?: SlotHealthState) {
    this.keeper = keeper;
    this.state = old?.state ?? new Uint8Array(0);
    this.answers = old?.answers ?? new Uint8Array(0);
    this.awaiting = old?.awaiting ?? new Uint8Array(0);
    this.held = old?.held ?? new Uint8Array(0);
    this.suspectSince = old?.suspectSince ?? new Float64Array(0);
    this.probeInterval = old?.probeInterval ?? new Float64Array(0);
    this.probes = new TimerWheel(nowMicros, undefined, old?.probes);
    this.history = new SlotHistory(old?.history);
    this.changes = old?.changes ?? { suspected: 0, failed: 0, recovered: 0, rebound: 0 };
  }

  save(): SlotHealthState {
    const { state, answers, awaiting, held, suspectSince, probeInterval, changes } = this;
    const probes = this.probes.save();
    const history = this.history.save();
    return { state, answers, awaiting, held, suspectSince, probeInterval, probes, history, changes };
  }

  grow(slots: number): void {
    this.state = grown(new Uint8Array(slots), this.state);
    this.answers = grown(new Uint8Array(slots), this.answers);
    this.awaiting = grown(new Uint8Array(slots), this.awaiting);
    this.held = grown(new Uint8Array(slots), this.held);
    this.suspectSince = grown(new Float64Array(slots), this.suspectSince);
    this.probeInterval = grown(new Float64Array(slots), this.probeInterval);
    this.history.grow(slots);
  }

  /** A new slot comes into service. */
  began(at: number, nowMicros: number): void {
    this.history.began(at, nowMicros);
  }

  of(at: number): number {
    return this.state[at]!;
  }

  /** For people. */
  storyOf(at: number): SlotStory {
    return this.history.of(at);
  }

  /** The slot uses another source port: what was asked is of another route. */
  onRebound(at: number, nowMicros: number): void {
    this.history.rebind(at);
    this.held[at] = 0;
    this.changes.rebound++;
    if (this.state[at] === SLOT_HEALTHY) {
      this.awaiting[at] = 0;
      this.probes.cancel(at);
    } else this.startProbing(at, nowMicros);
  }

  onRoundTrip(at: number, nowMicros: number): void {
    if (this.state[at] === SLOT_SUSPECT) this.recover(at, nowMicros);
    else if (this.state[at] === SLOT_HEALTHY && this.awaiting[at] === 1) {
      this.awaiting[at] = 0;
      this.probes.cancel(at);
    }
  }

  onTimeout(at: number, silentSince: number, nowMicros: number): void {
    this.history.timedOut(at);
    if (this.state[at] === SLOT_HEALTHY) {
      this.suspect(at, LEFT_SILENCE, nowMicros);
    } else if (this.state[at] === SLOT_SUSPECT && silentSince >= this.suspectSince[at]!) {
      this.fail(at, LEFT_SILENCE, nowMicros);
    }
  }

  /** False when it was asked on a route that the slot had before, or answered by an acknowledgement meanwhile. */
  onProbeAnswered(at: number, nowMicros: number): boolean {
    this.history.answered(at);
    if (this.state[at] === SLOT_HEALTHY && this.awaiting[at] === 0) return false;
    this.awaiting[at] = 0;
    if (this.state[at] === SLOT_HEALTHY) {
      this.probes.cancel(at);
      return true;
    }
    if (this.held[at] === 1) return true;
    this.answers[at]!++;
    if (this.state[at] === SLOT_SUSPECT || this.answers[at]! >= ANSWERS_TO_RECOVER) {
      this.recover(at, nowMicros);
    } else {
      this.probes.set(at, nowMicros);
    }
    return true;
  }

  /** Has a healthy slot probed at `dueMicros`. */
  ask(at: number, dueMicros: number): void {
    this.probes.set(at, dueMicros);
  }

  /** A suspect slot is bad: its way there is known to be dead. */
  condemn(at: number, nowMicros: number): void {
    if (this.state[at] === SLOT_SUSPECT) this.fail(at, LEFT_PROBE, nowMicros);
  }

  /** A healthy slot loses too much of what is sent on it. */
  leave(at: number, nowMicros: number): void {
    const from = this.enter(at, SLOT_BAD);
    this.history.suspect(at, LEFT_LOSS, nowMicros);
    this.history.fail(at, LEFT_LOSS, nowMicros);
    this.changes.failed++;
    this.held[at] = 1;
    this.startProbing(at, nowMicros);
    this.keeper.onChange(at, from, nowMicros);
  }

  /** The source port of a slot that lost too much is thought to work again. */
  release(at: number, nowMicros: number): void {
    if (this.held[at] === 0) return;
    this.held[at] = 0;
    this.startProbing(at, nowMicros);
  }

  /** Has a slot that is thought healthy, and is not waited for, probed at once. */
  doubt(at: number, nowMicros: number): void {
    if (this.state[at] === SLOT_HEALTHY && this.awaiting[at] === 0) this.probes.set(at, nowMicros);
  }

  /** Calls `send` for each slot whose probe is due; false says it could not be sent. */
  probe(nowMicros: number, send: (at: number) => boolean): void {
    this.probes.expire(nowMicros, (at) => {
      if (this.awaiting[at] === 1) {
        this.answers[at] = 0;
        if (this.state[at] === SLOT_SUSPECT) this.fail(at, LEFT_PROBE, nowMicros);
        else if (this.state[at] === SLOT_HEALTHY) this.suspect(at, LEFT_PROBE, nowMicros);
      }
      const sent = send(at);
      this.awaiting[at] = sent ? 1 : 0;
      if (sent) this.history.probed(at);
      if (this.state[at] === SLOT_HEALTHY) {
        if (sent) this.probes.set(at, nowMicros + PATIENT_PROBES * this.keeper.timeoutMicrosOf(at));
        return;
      }
      this.probes.set(at, nowMicros + this.probeInterval[at]!);
      this.probeInterval[at] = Math.min(MAX_PROBE_MICROS, this.probeInterval[at]! * 2);
    });
  }

  nextTimeout(): number {
    return this.probes.nextTimeout();
  }

  private suspect(at: number, why: LeftWhy, nowMicros: number): void {
    const from = this.enter(at, SLOT_SUSPECT);
    this.history.suspect(at, why, nowMicros);
    this.suspectSince[at] = nowMicros;
    this.changes.suspected++;
    this.startProbing(at, nowMicros);
    this.keeper.onChange(at, from, nowMicros);
  }

  private startProbing(at: number, nowMicros: number): void {
    this.answers[at] = 0;
    this.awaiting[at] = 0;
    this.probeInterval[at] = FIRST_PROBE_MICROS;
    this.probes.set(at, nowMicros);
  }

  private fail(at: number, why: LeftWhy, nowMicros: number): void {
    const from = this.enter(at, SLOT_BAD);
    this.history.fail(at, why, nowMicros);
    this.changes.failed++;
    this.keeper.onChange(at, from, nowMicros);
  }

  private recover(at: number, nowMicros: number): void {
    const from = this.enter(at, SLOT_HEALTHY);
    this.history.recover(at, nowMicros);
    this.changes.recovered++;
    this.probes.cancel(at);
    this.keeper.onChange(at, from, nowMicros);
  }

  /** The state that it leaves. */
  private enter(at: number, state: number): number {
    const from = this.state[at]!;
    this.state[at] = state;
    return from;
  }
}
