// Replacing engines by others whose code this thread has not run yet: the code is loaded and warmed up in steps between
// turns of the engines that run, then all change places at once.

import { applyChanges, type Change, type Replaced } from '../../runtime/change.ts';
import type { Executor } from '../../runtime/executor.ts';
import { CompiledEngine, type EngineCode } from './engine-code.ts';

/** Warming up takes this much time, or one step, and then leaves twice as much to the engines. */
const SLICE_MICROS = 200;
const TURNS_SHARE = 2;

/** An engine and the code that is to take its place. */
export interface NewCode {
  readonly engine: string;
  readonly code: EngineCode;
}

export interface UpgradeOutcome extends Replaced {
  readonly executor: string;
  /** Longest time without a turn while the new code was loaded and warmed up. */
  readonly longestPauseMicros: number;
  /** When the new engine could have its first turn, on the system's monotonic clock. */
  readonly atMicros: number;
}

/** `nextEvents` lets a turn pass. Throws SelvageError when the engines that run stay. */
export async function replaceEngines(
  executor: Executor,
  engines: readonly NewCode[],
  nextEvents: () => Promise<void>,
): Promise<UpgradeOutcome[]> {
  await nextEvents();
  executor.longestPauseMicros = 0;
  const changes: Change[] = [];
  for (const { engine, code } of engines) {
    const compiled = new CompiledEngine(code);
    await nextEvents();
    const factory = compiled.factory();
    await nextEvents();
    await warmUp(executor, factory.warmUp?.(), nextEvents);
    changes.push({ type: 'replace', engine, factory });
  }
  const { longestPauseMicros } = executor;
  const replaced = applyChanges(executor, changes);
  const atMicros = Number(process.hrtime.bigint()) / 1000;
  return replaced.map((each) => ({ ...each, executor: executor.name, longestPauseMicros, atMicros }));
}

async function warmUp(
  executor: Executor,
  step: (() => boolean) | undefined,
  nextEvents: () => Promise<void>,
): Promise<void> {
  for (let more = step !== undefined; more; ) {
    const start = executor.clock();
    do more = !step!();
    while (more && executor.clock() - start < SLICE_MICROS);
    const resumeAt = executor.clock() + (executor.clock() - start) * TURNS_SHARE;
    do await nextEvents();
    while (executor.clock() < resumeAt);
  }
}
