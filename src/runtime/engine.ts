// What does the work: engines, and factories that load them (mRPC §3.5, table 3.1). An engine has no thread of its own;
// an executor runs it, and may run another in its place between any two turns, which goes on from its state
// (mRPC §3.4.3).

import { SelvageError } from '../base/errors.ts';
import type { Queue } from './queue.ts';

export interface Engine<S = unknown> {
  /**
   * Works at most for `budget` units (packets, records), and never waits. How many it did: 0 when it had nothing to do;
   * the whole budget when more is waiting, and then it is run again in the next turn. `now` is in microseconds.
   */
  run(now: number, budget: number): number;
  /** When it must be run though nothing arrives; Infinity for never. Asked after each run. */
  nextTimeout(): number;
  /** It is being removed and gets no more input: passes on what it holds. True when nothing is left. */
  drain(now: number): boolean;
  /**
   * All that an engine of its kind needs to go on: plain data, large arrays by reference. The engine may be run again
   * afterwards, when the one that was to follow it refuses.
   */
  save(): S;
}

export interface SavedState {
  readonly version: number;
  readonly state: unknown;
}

/** The state that `what` goes on from, when it is of the only version that it knows. */
export function stateOfVersion<S>(what: string, version: number, old: SavedState | undefined): S | undefined {
  if (old === undefined || old.version === version) return old?.state as S | undefined;
  throw new SelvageError(
    'unsupported',
    `${what} that runs left a state of version ${old.version}, and this one knows version ${version}`,
  );
}

/** A descriptor that an engine is woken for. */
export interface Watch {
  /** Whether there may be something to read; good for one turn. */
  readonly ready: boolean;
}

/** How an engine reaches the world. What it gets here belongs to the executor and outlives the engine. */
export interface EngineIo<Given = undefined> {
  /** What engines of this name are given: devices, memory, configuration. */
  readonly given: Given;
  readonly nowMicros: number;
  /** The queue it takes records from under this name of its own. */
  input(name: string): Queue;
  /** The queue it puts records into; takes none while it is not connected. */
  output(name: string): Queue;
  /** Has the engine run when `fd` can be read. */
  watch(fd: number): Watch;
}

/** What a module of an engine exports by default. */
export interface EngineFactory<S = unknown, Given = undefined> {
  /** Of the state; a newer version transforms what an older one left. */
  readonly version: number;
  /**
   * Makes an engine, from an earlier one's state if there was one. Throws a sentence to refuse. It changes nothing of the
   * state: after a refusal, also another's in the same change, the old engine runs on with it.
   */
  load(io: EngineIo<Given>, old?: SavedState): Engine<S>;
  /**
   * Work on made-up input, so that code is compiled before it is needed: each call of what this returns does some, for
   * well under a millisecond, and says whether that was all. Nothing of it may be seen.
   */
  warmUp?(): () => boolean;
}

/** A factory of anything: what an executor keeps, which looks into neither state nor what is given. */
export type AnyFactory = EngineFactory<unknown, never>;
