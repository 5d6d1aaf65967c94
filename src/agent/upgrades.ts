// Upgrades of engines, one after the other: bundle the file, try the module in a thread of its own, let each executor
// that has the engine, or the one that is named, import it and change engines between two turns (mRPC §3.4.3). Where it
// fails, the old engine runs on, and no further executor is asked.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SelvageError } from '../base/errors.ts';
import type { EngineReport } from '../runtime/engine-report.ts';
import { bundleEngine, urlOf } from './engine-bundle.ts';
import type { TrialOutcome, TrialStart } from './engine-trial.ts';
import type { ExecutorThread } from './executor-thread.ts';
import type { UpgradeOutcome } from './replace-engine.ts';

const TRIAL_PATIENCE_MILLIS = 15_000;

export class Upgrades {
  private readonly threads: readonly ExecutorThread[];
  private readonly folder: string;
  private last: Promise<unknown> = Promise.resolve();

  constructor(threads: readonly ExecutorThread[], runtimeDir: string) {
    this.threads = threads;
    this.folder = join(runtimeDir, 'engines');
  }

  async engines(): Promise<readonly EngineReport[]> {
    return (await Promise.all(this.threads.map((thread) => thread.engines()))).flat();
  }

  /** In all executors that have it, or in one. Rejects with SelvageError when one that runs stays. */
  upgrade(engine: string, file: string, executor?: string): Promise<UpgradeOutcome[]> {
    const turn = this.last.then(() => this.upgradeNow(engine, file, executor));
    this.last = turn.catch(() => {});
    return turn;
  }

  private async upgradeNow(
    engine: string,
    file: string,
    executor: string | undefined,
  ): Promise<UpgradeOutcome[]> {
    const threads = await this.threadsWith(engine, executor);
    const bundle = await bundleEngine(file, this.folder);
    const done: UpgradeOutcome[] = [];
    try {
      await tryOut(file, urlOf(bundle));
      for (const thread of threads) done.push(await thread.upgrade(engine, urlOf(bundle)));
      return done;
    } catch (error) {
      throw done.length === 0 ? error : halfDone(error, engine, done);
    } finally {
      rmSync(bundle, { force: true });
    }
  }

  private async threadsWith(engine: string, executor: string | undefined): Promise<ExecutorThread[]> {
    const engines = await this.engines();
    const found = engines.filter((each) => each.engine === engine);
    const wanted = found.filter((each) => executor === undefined || each.executor === executor);
    if (wanted.length > 0)
      return this.threads.filter(({ name }) => wanted.some((each) => each.executor === name));
    const where = found.length === 0 ? '' : ` in an executor ${executor}`;
    const names =
      found.length === 0 ? engines.map((each) => each.engine) : found.map((each) => each.executor);
    throw new SelvageError('bad-input', `There is no engine ${engine}${where}.`, {
      hint: `There is: ${[...new Set(names)].join(', ')}.`,
    });
  }
}

function halfDone(thrown: unknown, engine: string, done: readonly UpgradeOutcome[]): SelvageError {
  const { code, message } = SelvageError.from(thrown);
  const names = done.map(({ executor }) => executor).join(', ');
  return new SelvageError(code, message, {
    hint: `The new ${engine} runs in ${names} already; give --executor to replace it there.`,
    cause: thrown,
  });
}

async function tryOut(file: string, url: string): Promise<void> {
  const start: TrialStart = { url };
  const script = new URL('./engine-trial.js', import.meta.url);
  const worker = new Worker(script, { workerData: start, name: 'trial', stdout: true });
  const timer = setTimeout(() => worker.terminate(), TRIAL_PATIENCE_MILLIS);
  const outcome = await new Promise<TrialOutcome>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error) => resolve({ good: false, message: error.message }));
    worker.once('exit', () => {
      resolve({ good: false, message: `it did not come to an end within ${TRIAL_PATIENCE_MILLIS / 1000} s` });
    });
  });
  clearTimeout(timer);
  void worker.terminate();
  if (outcome.good) return;
  const { message, hint } = outcome;
  throw new SelvageError('bad-input', `${file} failed its trial: ${message}`.replace(/\.?$/, '.'), {
    ...(hint !== undefined && { hint }),
  });
}
