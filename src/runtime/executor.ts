// Runs the engines of one thread, turn by turn (mRPC §3.5): every engine that is due works for at most its budget; one
// that took more time than its share lets others go first. An engine that throws is restarted from its last state while
// its neighbours run on. No input, output or clock of its own: a loop around it waits and tells what became ready.

import { type EngineReport, reportOf } from './engine-report.ts';
import type { Slot, SlotWatch } from './slot.ts';
import { type Failure, Supervisor } from './supervisor.ts';

/** How much more time than another an engine may have had when both have something to do. */
const LEAD_MICROS = 250;
/** One long turn, such as a collection of garbage, is not held against an engine for longer than this. */
const LARGEST_DEBT_MICROS = 10_000;

/** Waits for descriptors, on behalf of the executor. */
export interface Waiter {
  add(watch: SlotWatch): void;
  remove(watch: SlotWatch): void;
}

export interface ExecutorOptions {
  readonly name: string;
  /** Microseconds of one steady clock. */
  readonly clock: () => number;
  readonly waiter: Waiter;
  readonly onFailure: (failure: Failure) => void;
}

export class Executor {
  readonly name: string;
  readonly clock: () => number;
  readonly waiter: Waiter;
  /** In the order in which they run; engines that are being removed stay until they are empty. */
  readonly slots: Slot[] = [];
  /** When the last turn ended. */
  nowMicros = 0;
  /** Longest time from one turn to the next since somebody set it to 0, sleep included. */
  longestPauseMicros = 0;
  /** Units of work done in the last turn. */
  worked = 0;
  private readonly supervisor: Supervisor;
  private least = 0;

  constructor({ name, clock, waiter, onFailure }: ExecutorOptions) {
    this.name = name;
    this.clock = clock;
    this.waiter = waiter;
    this.supervisor = new Supervisor(waiter, onFailure);
  }

  /** The engine of this name that is in service. */
  find(name: string): Slot | undefined {
    return this.slots.find((slot) => slot.name === name && !slot.leaving);
  }

  /** Something may be read from a descriptor. */
  wake(watch: SlotWatch): void {
    watch.ready = true;
    watch.slot.woken = true;
  }

  /** Runs every engine that is due once, but for those that are ahead of another that is. */
  turn(now: number): void {
    let time = now;
    this.worked = 0;
    if (now - this.nowMicros > this.longestPauseMicros) this.longestPauseMicros = now - this.nowMicros;
    const least = this.leastShare(now);
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      if (!slot.isDue(time) || slot.share > least + LEAD_MICROS) continue;
      this.run(slot, time);
      const end = this.clock();
      const micros = end - time;
      slot.turns++;
      slot.busyMicros += micros;
      if (micros > slot.longestTurnMicros) slot.longestTurnMicros = micros;
      slot.share = Math.min(slot.share + micros, least + LARGEST_DEBT_MICROS);
      time = end;
    }
    this.nowMicros = time;
  }

  /** When the next turn is needed though nothing arrives: now or earlier when an engine has more to do. */
  nextTimeout(): number {
    const now = this.nowMicros;
    let first = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      if (slot.isDue(now)) return now;
      if (slot.nextTimeout < first) first = slot.nextTimeout;
    }
    return first;
  }

  report(): EngineReport[] {
    return this.slots.map((slot) => reportOf(this.name, slot));
  }

  /** Of those that are due. Whoever had nothing to do for a while has not saved time up. */
  private leastShare(now: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      const due = slot.isDue(now);
      if (!slot.wasDue && slot.share < this.least) slot.share = this.least;
      slot.wasDue = due;
      if (due && slot.share < least) least = slot.share;
    }
    if (least < Number.POSITIVE_INFINITY) this.least = least;
    return this.least;
  }

  private run(slot: Slot, now: number): void {
    try {
      if (slot.state === 'waiting') {
        this.supervisor.restart(slot, now);
        return;
      }
      slot.woken = false;
      const done = slot.engine.run(now, slot.budget);
      slot.work += done;
      this.worked += done;
      // One that did nothing although there is input is held up: it is woken when it can go on.
      if (done >= slot.budget || (done > 0 && slot.hasInput())) slot.woken = true;
      for (let i = 0; i < slot.watchList.length; i++) slot.watchList[i]!.ready = false;
      if (slot.leaving && this.isEmpty(slot, now)) this.drop(slot);
      slot.timeout = slot.engine.nextTimeout();
    } catch (error) {
      this.supervisor.failed(slot, error, now);
      if (slot.leaving && slot.state === 'stopped') this.drop(slot);
    }
  }

  private isEmpty(slot: Slot, now: number): boolean {
    return slot.inputList.every((input) => input.isFinished) && slot.engine.drain(now);
  }

  /** What it wrote stays in its rings, and is all that they will get. */
  drop(slot: Slot): void {
    for (const output of slot.outputs.values()) output.disconnect();
    for (const watch of slot.watchList) this.waiter.remove(watch);
    this.slots.splice(this.slots.indexOf(slot), 1);
  }
}
