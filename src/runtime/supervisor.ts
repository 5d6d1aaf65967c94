// What happens when an engine throws. It is stopped at once, and its neighbours run on; it is loaded again from the
// state it left, after a growing pause, and from nothing when that does not help. One that fails soon after it replaced
// another gives way to that one again, where that can read its state. After too many failures in a row it stays stopped until a person replaces it.

import type { AnyFactory, SavedState } from './engine.ts';
import type { Waiter } from './executor.ts';
import type { Slot } from './slot.ts';

/** So long without failure, and the next one is the first again. */
const CALM_MICROS = 2_000_000;
/** Failures in a row after which the state is thought to be the reason. */
const FAILURES_WITH_STATE = 3;
const MOST_FAILURES = 12;
const FIRST_PAUSE_MICROS = 10_000;
const LONGEST_PAUSE_MICROS = 1_000_000;
/** A replacement that fails within this time is taken back. */
const PROBATION_MICROS = 2_000_000;

export interface Failure {
  readonly engine: string;
  readonly error: unknown;
  /** What is done about it: a part of a sentence. */
  readonly consequence: string;
}

export class Supervisor {
  private readonly waiter: Waiter;
  private readonly report: (failure: Failure) => void;

  constructor(waiter: Waiter, report: (failure: Failure) => void) {
    this.waiter = waiter;
    this.report = report;
  }

  /** Takes a failed engine out of service and plans what comes next. */
  failed(slot: Slot, error: unknown, now: number): void {
    if (now - slot.failedAt > CALM_MICROS) slot.failures = 0;
    slot.failures++;
    slot.failedAt = now;
    slot.lastError = error instanceof Error ? error.message : String(error);
    if (slot.state !== 'waiting') {
      slot.saved = savedBy(slot);
      // Its descriptors stay ready: watched, they would keep the thread awake.
      for (const watch of slot.watchList) this.waiter.remove(watch);
      slot.state = 'waiting';
    }
    let consequence: string;
    if (slot.previous !== undefined && canGiveWay(slot, slot.previous, now)) {
      slot.factory = slot.previous;
      slot.previous = undefined;
      consequence = `version ${slot.factory.version}, which it replaced, takes its place again`;
      slot.retryAt = now;
    } else if (slot.failures > MOST_FAILURES) {
      slot.state = 'stopped';
      consequence = slot.leaving
        ? 'it was being removed, and is gone with what it held'
        : 'it stays stopped until it is replaced (selvage upgrade)';
    } else {
      const pause = slot.failures === 1 ? 0 : pauseMicros(slot.failures - 2);
      slot.retryAt = now + pause;
      if (slot.failures > FAILURES_WITH_STATE) slot.saved = undefined;
      const how = slot.saved === undefined ? 'anew' : 'from its last state';
      consequence = `it is started ${how}${pause === 0 ? '' : ` in ${pause / 1000} ms`}`;
    }
    this.report({ engine: slot.name, error, consequence });
  }

  /** Loads a failed engine again. Throws what its factory throws. */
  restart(slot: Slot, now: number): void {
    const loaded = slot.load(slot.factory, slot.saved, now);
    slot.install(loaded);
    slot.state = 'running';
    slot.restarts++;
    for (const watch of slot.watchList) this.waiter.add(watch);
  }
}

/** It replaced another a moment ago, and left nothing that the other's code cannot go on from. */
function canGiveWay({ saved, replacedAt }: Slot, previous: AnyFactory, now: number): boolean {
  const isReadable = saved === undefined || saved.version === previous.version;
  return isReadable && now - replacedAt < PROBATION_MICROS;
}

function pauseMicros(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MICROS, FIRST_PAUSE_MICROS * 2 ** attempt);
}

/** The last state of an engine that may be in the middle of something; undefined when it cannot even say that. */
function savedBy(slot: Slot): SavedState | undefined {
  try {
    return { version: slot.factory.version, state: slot.engine.save() };
  } catch {
    return undefined;
  }
}
