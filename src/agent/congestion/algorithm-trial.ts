// A thread of its own in which an algorithm's file is bundled, run and rehearsed: what throws there, or never ends, has
// touched no flow.

import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { rehearse } from '../../congestion/rehearsal.ts';
import type { TrialOutcome, TrialStart } from '../upgrades/trial.ts';
import { type AlgorithmCode, bundleAlgorithm, loadAlgorithm } from './algorithm-code.ts';

/** What came of it: the code, and the name that it gives itself. */
export interface TriedAlgorithm {
  readonly code: AlgorithmCode;
  readonly name: string;
}

const say = (outcome: TrialOutcome<TriedAlgorithm>) => parentPort!.postMessage(outcome);

async function main({ file }: TrialStart): Promise<void> {
  try {
    const code = await bundleAlgorithm(file);
    say({ stage: 'bundled' });
    const algorithm = loadAlgorithm(code);
    rehearse(algorithm);
    say({ stage: 'good', result: { code, name: algorithm.name } });
  } catch (thrown) {
    const { message, hint } = SelvageError.from(thrown);
    say({ stage: 'bad', message, hint });
  }
}

// Of this thread and the programs it starts: packets go first.
setPriority(constants.priority.PRIORITY_LOW);
await main(workerData as TrialStart);
