// A thread of its own in which a new engine's module is run for the first time: what throws or never ends there has not
// stopped a packet. Its rehearsal is the warm-up, from beginning to end.

import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { SelvageError } from '../base/errors.ts';
import { importFactory } from './replace-engine.ts';

export interface TrialStart {
  readonly url: string;
}

export type TrialOutcome =
  | { readonly good: true; readonly version: number }
  | { readonly good: false; readonly message: string; readonly hint?: string | undefined };

async function main({ url }: TrialStart): Promise<TrialOutcome> {
  try {
    const factory = await importFactory(url);
    const step = factory.warmUp?.();
    if (step !== undefined) while (!step());
    return { good: true, version: factory.version };
  } catch (thrown) {
    const { message, hint } = SelvageError.from(thrown);
    return { good: false, message, hint };
  }
}

// Of this thread alone, on Linux: packets go first.
setPriority(constants.priority.PRIORITY_LOW);
parentPort!.postMessage(await main(workerData as TrialStart));
