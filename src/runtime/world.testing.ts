// An executor in virtual time: a clock that stands still but for what engines say they use, and engines that do what a
// test wants.

import type { Engine, EngineFactory, EngineIo, SavedState } from './engine.ts';
import { Executor } from './executor.ts';
import { RECORD_WORDS } from './ring.ts';
import type { SlotWatch } from './slot.ts';
import type { Failure } from './supervisor.ts';

export class TestExecutor {
  nowMicros = 1_000_000;
  readonly failures: Failure[] = [];
  readonly watched = new Map<number, SlotWatch>();
  readonly executor = new Executor({
    name: 'test',
    clock: () => this.nowMicros,
    waiter: {
      add: (watch) => this.watched.set(watch.fd, watch),
      remove: (watch) => this.watched.delete(watch.fd),
    },
    onFailure: (failure) => this.failures.push(failure),
  });

  /** Turns until nothing is due; their number. Throws when that never comes. */
  settle(most = 10_000): number {
    for (let turns = 0; turns < most; turns++) {
      if (this.executor.nextTimeout() > this.nowMicros) return turns;
      this.executor.turn(this.nowMicros);
    }
    throw new Error(`still busy after ${most} turns`);
  }

  turns(count: number): void {
    for (let i = 0; i < count; i++) this.executor.turn(this.nowMicros);
  }

  /** Lets time pass, with the turns that are due in it. */
  pass(micros: number): void {
    const end = this.nowMicros + micros;
    for (;;) {
      this.settle();
      const next = this.executor.nextTimeout();
      if (next > end) break;
      this.nowMicros = next;
    }
    this.nowMicros = end;
  }
}

/** A factory from parts; what is left out does nothing. */
export function factoryOf<S>(
  make: (io: EngineIo<unknown>, old?: SavedState) => Partial<Engine<S>>,
  version = 1,
): EngineFactory<S, never> {
  return {
    version,
    load: (io, old) => ({
      run: () => 0,
      nextTimeout: () => Number.POSITIVE_INFINITY,
      drain: () => true,
      save: () => undefined as S,
      ...make(io as EngineIo<unknown>, old),
    }),
  };
}

const record = new Uint32Array(RECORD_WORDS);

/** Puts numbers into the queue from `next` on, as far as it takes them; the next number. */
export function pushNumbers(io: EngineIo<unknown>, output: string, next: number, most: number): number {
  const queue = io.output(output);
  for (let i = 0; i < most; i++) {
    record[0] = next;
    if (queue.push(record, 1) === 0) break;
    next++;
  }
  return next;
}
