// Upgrades of engines, one after the other: bundle the file, try the module in a thread of its own, let the executor
// that has the engine import it and change engines between two turns (mRPC §3.4.3). Whatever fails on the way, the old
// engine runs on.

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

  /** Rejects with SelvageError when the engine that runs stays. */
  upgrade(engine: string, file: string): Promise<UpgradeOutcome> {
    const turn = this.last.then(() => this.upgradeNow(engine, file));
    this.last = turn.catch(() => {});
    return turn;
  }

  private async upgradeNow(engine: string, file: string): Promise<UpgradeOutcome> {
    const engines = await this.engines();
    const found = engines.find((each) => each.engine === engine);
    if (found === undefined) {
      throw new SelvageError('bad-input', `There is no engine ${engine}.`, {
        hint: `There is: ${engines.map((each) => each.engine).join(', ')}.`,
      });
    }
    const thread = this.threads.find(({ name }) => name === found.executor)!;
    const bundle = await bundleEngine(file, this.folder);
    try {
      await tryOut(file, urlOf(bundle));
      return await thread.upgrade(engine, urlOf(bundle));
    } finally {
      rmSync(bundle, { force: true });
    }
  }
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
