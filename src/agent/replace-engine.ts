// Replacing an engine by one whose code is not there yet: the module is imported and its code warmed up between turns of
// the engines that run, then they change places.

import { SelvageError } from '../base/errors.ts';
import { applyChanges, type Replaced } from '../runtime/change.ts';
import type { AnyFactory } from '../runtime/engine.ts';
import type { Executor } from '../runtime/executor.ts';

/** Warming up takes this much time, or one step, and then leaves twice as much to the engines. */
const SLICE_MICROS = 200;
const TURNS_SHARE = 2;

export interface UpgradeOutcome extends Replaced {
  readonly executor: string;
  /** Longest time without a turn while the new code was imported and warmed up. */
  readonly longestPauseMicros: number;
  /** When the new engine could have its first turn, on the system's monotonic clock. */
  readonly atMicros: number;
}

/** `nextEvents` lets a turn pass. Throws SelvageError when the engine that runs stays. */
export async function replaceEngine(
  executor: Executor,
  engine: string,
  url: string,
  nextEvents: () => Promise<void>,
): Promise<UpgradeOutcome> {
  await nextEvents();
  executor.longestPauseMicros = 0;
  const factory = await importFactory(url);
  const step = factory.warmUp?.();
  for (let more = step !== undefined; more; ) {
    const start = executor.clock();
    do more = !step!();
    while (more && executor.clock() - start < SLICE_MICROS);
    const resumeAt = executor.clock() + (executor.clock() - start) * TURNS_SHARE;
    do await nextEvents();
    while (executor.clock() < resumeAt);
  }
  const { longestPauseMicros } = executor;
  const [replaced] = applyChanges(executor, [{ type: 'replace', engine, factory }]);
  const atMicros = Number(process.hrtime.bigint()) / 1000;
  return { ...replaced!, executor: executor.name, longestPauseMicros, atMicros };
}

/** Imports a module and looks whether its default export is a factory of engines. */
export async function importFactory(url: string): Promise<AnyFactory> {
  let exported: unknown;
  try {
    exported = (await import(url)).default;
  } catch (cause) {
    const { message } = SelvageError.from(cause);
    throw new SelvageError('bad-input', `The module cannot be run: ${message}`, { cause });
  }
  const complaint = complaintAbout(exported);
  if (complaint === undefined) return exported as AnyFactory;
  throw new SelvageError(
    'bad-input',
    `The default export of the module is no engine factory: ${complaint}.`,
    {
      hint: 'It must be an object with `version` and `load` (docs/engines.md).',
    },
  );
}

function complaintAbout(exported: unknown): string | undefined {
  if (typeof exported !== 'object' || exported === null)
    return `it is ${exported === null ? 'null' : typeof exported}`;
  const { version, load, warmUp } = exported as Record<string, unknown>;
  if (!Number.isSafeInteger(version) || (version as number) < 1)
    return 'its `version` is no number from 1 on';
  if (typeof load !== 'function') return 'it has no function `load`';
  return warmUp === undefined || typeof warmUp === 'function' ? undefined : 'its `warmUp` is no function';
}
