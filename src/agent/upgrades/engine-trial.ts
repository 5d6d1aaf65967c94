// A thread of its own in which a new engine's module is bundled and run for the first time: what throws or never ends
// there has not stopped a packet. Its rehearsal is the warm-up, from beginning to end; what was compiled for it goes on
// to the thread that the engine is for.

import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { CompiledEngine, type EngineCode } from './engine-code.ts';
import { bundleModule } from './module-bundle.ts';
import type { TrialOutcome, TrialStart } from './trial.ts';

const say = (outcome: TrialOutcome<EngineCode>) => parentPort!.postMessage(outcome);

async function main({ file }: TrialStart): Promise<void> {
  try {
    const source = await bundleModule(file);
    say({ stage: 'bundled' });
    const compiled = new CompiledEngine({ file, source });
    const step = compiled.factory().warmUp?.();
    if (step !== undefined) while (!step());
    say({ stage: 'good', result: compiled.save() });
  } catch (thrown) {
    const { message, hint } = SelvageError.from(thrown);
    say({ stage: 'bad', message, hint });
  }
}

// Of this thread and the programs it starts: packets go first.
setPriority(constants.priority.PRIORITY_LOW);
await main(workerData as TrialStart);
