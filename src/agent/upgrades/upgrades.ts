// Upgrades of engines, one after the other: bundle the files and try them in a thread of its own, then let each executor
// that has the engines, or the one that is named, load the code and change them between two turns (mRPC §3.4.3). Where
// that fails, the old engines run on, and no further executor is asked.

import { SelvageError } from '../../base/errors.ts';
import type { EngineReport } from '../../runtime/engine-report.ts';
import type { ExecutorThread } from '../threads/executor-thread.ts';
import type { EngineCode } from './engine-code.ts';
import type { NewCode, UpgradeOutcome } from './replace-engine.ts';
import { tryOut } from './trial.ts';

/** An engine and the file, absolute, of what is to take its place. */
export interface Upgrade {
  readonly engine: string;
  readonly file: string;
}

export class Upgrades {
  private readonly threads: readonly ExecutorThread[];
  private last: Promise<unknown> = Promise.resolve();

  constructor(threads: readonly ExecutorThread[]) {
    this.threads = threads;
  }

  async engines(): Promise<readonly EngineReport[]> {
    const asked = await Promise.allSettled(this.threads.map((thread) => thread.engines()));
    // A thread that has failed has none any more.
    return asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  }

  /**
   * In all executors that have them, or in one; in each all or none. Rejects with SelvageError when those that run stay in
   * one.
   */
  upgrade(upgrades: readonly Upgrade[], executor?: string): Promise<readonly UpgradeOutcome[]> {
    const turn = this.last.then(() => this.upgradeNow(upgrades, executor));
    this.last = turn.catch(() => {});
    return turn;
  }

  private async upgradeNow(
    upgrades: readonly Upgrade[],
    executor: string | undefined,
  ): Promise<readonly UpgradeOutcome[]> {
    const threads = await this.threadsWith(upgrades, executor);
    const engines: NewCode[] = [];
    for (const { engine, file } of upgrades) {
      const script = new URL('./engine-trial.js', import.meta.url);
      engines.push({ engine, code: await tryOut<EngineCode>(file, script) });
    }
    const done: UpgradeOutcome[] = [];
    try {
      for (const thread of threads) done.push(...(await thread.upgrade(engines)));
      return done;
    } catch (error) {
      throw done.length === 0 ? error : halfDone(error, done);
    }
  }

  /** Those whose executors have all of them: only there can they change at once. */
  private async threadsWith(
    upgrades: readonly Upgrade[],
    executor: string | undefined,
  ): Promise<ExecutorThread[]> {
    const running = await this.engines();
    const places = upgrades.map(({ engine }) => placesOf(running, engine, executor));
    const [first, ...others] = places;
    if (first === undefined) throw new SelvageError('bad-input', 'No engine was named.');
    if (new Set(upgrades.map(({ engine }) => engine)).size < upgrades.length) {
      throw new SelvageError('bad-input', 'An engine was named twice.');
    }
    if (others.some((other) => other.join() !== first.join())) {
      const where = [...new Set(places.flat())].join(', ');
      throw new SelvageError(
        'unsupported',
        `Engines of several executors (${where}) cannot change at once.`,
        {
          hint: 'Upgrade them one after the other, or name an executor that has them all with --executor.',
        },
      );
    }
    return this.threads.filter(({ name }) => first.includes(name));
  }
}

/** The executors that have it. */
function placesOf(running: readonly EngineReport[], engine: string, executor: string | undefined): string[] {
  const found = running.filter((each) => each.engine === engine);
  const wanted = found.filter((each) => executor === undefined || each.executor === executor);
  if (wanted.length > 0) return wanted.map((each) => each.executor);
  const where = found.length === 0 ? '' : ` in an executor ${executor}`;
  const names = found.length === 0 ? running.map((each) => each.engine) : found.map((each) => each.executor);
  throw new SelvageError('bad-input', `There is no engine ${engine}${where}.`, {
    hint: `There is: ${[...new Set(names)].join(', ')}.`,
  });
}

function halfDone(thrown: unknown, done: readonly UpgradeOutcome[]): SelvageError {
  const { code, message } = SelvageError.from(thrown);
  const engines = [...new Set(done.map(({ engine }) => engine))].join(', ');
  const executors = [...new Set(done.map(({ executor }) => executor))].join(', ');
  return new SelvageError(code, message, {
    hint: `The new ${engines} runs in ${executors} already; give --executor to replace it there.`,
    cause: thrown,
  });
}
