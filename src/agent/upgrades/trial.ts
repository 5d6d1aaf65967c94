// Code that somebody brings is tried in a thread of its own first, which can be ended whatever it does.

import { Worker } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';

/** For bundling, and again for what is tried. */
const PATIENCE_MILLIS = 15_000;

export interface TrialStart {
  /** Absolute. */
  readonly file: string;
}

/** What the thread says. */
export type TrialOutcome<Result> =
  | { readonly stage: 'bundled' }
  | { readonly stage: 'good'; readonly result: Result }
  | { readonly stage: 'bad'; readonly message: string; readonly hint?: string | undefined };

/** Rejects with SelvageError when the file is no good. */
export async function tryOut<Result>(file: string, script: URL): Promise<Result> {
  const start: TrialStart = { file };
  const worker = new Worker(script, { workerData: start, name: 'trial', stdout: true });
  let isBundled = false;
  let isLate = false;
  const expire = () => {
    isLate = true;
    void worker.terminate();
  };
  let timer = setTimeout(expire, PATIENCE_MILLIS);
  const outcome = await new Promise<Exclude<TrialOutcome<Result>, { stage: 'bundled' }>>((resolve) => {
    const bad = (message: string) => resolve({ stage: 'bad', message });
    worker.on('message', (said: TrialOutcome<Result>) => {
      if (said.stage !== 'bundled') return resolve(said);
      isBundled = true;
      clearTimeout(timer);
      timer = setTimeout(expire, PATIENCE_MILLIS);
    });
    worker.once('error', (error) => bad(error.message));
    worker.once('exit', () => {
      bad(isLate ? `it did not come to an end within ${PATIENCE_MILLIS / 1000} s` : 'its thread ended');
    });
  });
  clearTimeout(timer);
  void worker.terminate();
  if (outcome.stage === 'good') return outcome.result;
  const { message, hint } = outcome;
  const sentence = isBundled ? `${file} failed its trial: ${message}` : message;
  throw new SelvageError('bad-input', sentence.replace(/\.?$/, '.'), { ...(hint !== undefined && { hint }) });
}
