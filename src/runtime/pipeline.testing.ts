// Engines in a row that hand numbers on: a source, stages that hold some of them back for a while, a sink. What comes
// out must be every number once and in order, whatever is done to the stages.

import type { EngineFactory, EngineIo, SavedState } from './engine.ts';
import type { Queue } from './queue.ts';
import { RECORD_WORDS } from './ring.ts';
import { factoryOf, pushNumbers, type TestExecutor } from './world.testing.ts';

const BATCH = 16;
/** A stage keeps a number for so long, as one does that limits a rate. */
export const STAGE_MICROS = 40;

/** Sends numbers from 0 on, as many as `allowed` says by then. */
export function source(allowed: { count: number }): EngineFactory<{ next: number }, never> {
  return factoryOf((io, old) => {
    let next = (old?.state as { next: number } | undefined)?.next ?? 0;
    io.output('out');
    return {
      run: (_, budget) => {
        const before = next;
        next = pushNumbers(io, 'out', next, Math.min(budget, allowed.count - next));
        return next - before;
      },
      save: () => ({ next }),
    };
  });
}

export function sink(received: number[]): EngineFactory<undefined, never> {
  return factoryOf((io) => {
    const queue = io.input('in');
    const record = new Uint32Array(RECORD_WORDS);
    return {
      run: (_, budget) => {
        let done = 0;
        while (done < budget && queue.pop(record, 1) === 1) {
          received.push(record[0]!);
          done++;
        }
        return done;
      },
    };
  });
}

interface Held {
  readonly number: number;
  readonly due: number;
}

/** Of version 1: plain numbers and one time for all; of version 2: each number with its time. */
type StageState = { readonly numbers: number[]; readonly due: number } | { readonly held: Held[] };

/** `test` is asked for the time; `most` numbers are held at once; `fails` makes a turn end in the middle. */
export function stage(
  test: TestExecutor,
  version: 1 | 2,
  fails = () => false,
): EngineFactory<StageState, never> {
  const load = (io: EngineIo<unknown>, old?: SavedState) => {
    const held = heldOf(old);
    const input = io.input('in');
    const output = io.output('out');
    const record = new Uint32Array(RECORD_WORDS);
    return {
      run: (now: number, budget: number) => {
        const taken = take(input, held, now, Math.min(budget, BATCH - held.length), record);
        if (fails()) throw new Error('in the middle');
        return taken + release(output, held, now, record);
      },
      nextTimeout: () =>
        held.length === 0 ? Number.POSITIVE_INFINITY : Math.max(held[0]!.due, test.nowMicros + 1),
      drain: (now: number) => {
        // Held back no longer: there is nothing to hold it back from.
        release(output, held, now + STAGE_MICROS, record);
        return held.length === 0;
      },
      save: (): StageState =>
        version === 2
          ? { held: [...held] }
          : { numbers: held.map(({ number }) => number), due: test.nowMicros + STAGE_MICROS },
    };
  };
  return factoryOf(load, version);
}

function heldOf(old: SavedState | undefined): Held[] {
  if (old === undefined) return [];
  const state = old.state as StageState;
  return 'held' in state ? [...state.held] : state.numbers.map((number) => ({ number, due: state.due }));
}

function take(input: Queue, held: Held[], now: number, most: number, record: Uint32Array): number {
  let taken = 0;
  for (; taken < most && input.pop(record, 1) === 1; taken++) {
    held.push({ number: record[0]!, due: now + STAGE_MICROS });
  }
  return taken;
}

function release(output: Queue, held: Held[], now: number, record: Uint32Array): number {
  let released = 0;
  while (held.length > 0 && held[0]!.due <= now) {
    record[0] = held[0]!.number;
    if (output.push(record, 1) === 0) break;
    held.shift();
    released++;
  }
  return released;
}
