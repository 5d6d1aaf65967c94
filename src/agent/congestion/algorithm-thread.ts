// The thread of one algorithm. It loads nothing native and holds nothing that others need, so it can be ended at any
// moment, also in an endless loop (CCP §4.3.1: algorithms are not trusted). It sleeps in its event loop, which algorithms
// may use, too.

import { parentPort, workerData } from 'node:worker_threads';
import { SelvageError } from '../../base/errors.ts';
import { AlgorithmServer } from '../../congestion/plane/algorithm-server.ts';
import { Progress } from '../../congestion/plane/progress.ts';
import { nextEvents } from '../threads/next-events.ts';
import { type AlgorithmCode, loadAlgorithm } from './algorithm-code.ts';
import { Bell } from './bell.ts';
import { builtInAlgorithm } from './built-in.ts';
import type { FromAlgorithmThread, ToAlgorithmThread } from './thread-messages.ts';
import { wakeUp } from './wake.ts';

export interface AlgorithmThreadStart {
  /** The name of one that is built in, or code. */
  readonly algorithm: string | AlgorithmCode;
  readonly bell: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
}

/** Until commands that a ring had no room for are tried again: nobody says that it has. */
const RETRY_MILLIS = 10;

async function main({ algorithm: given, bell: bellMemory, progress }: AlgorithmThreadStart): Promise<void> {
  const port = parentPort!;
  const say = (message: FromAlgorithmThread) => port.postMessage(message);
  const bell = new Bell(bellMemory);
  let server: AlgorithmServer;
  try {
    const algorithm = typeof given === 'string' ? builtInAlgorithm(given) : loadAlgorithm(given);
    if (algorithm === undefined)
      throw new SelvageError('bad-input', `There is no algorithm ${String(given)}.`);
    server = new AlgorithmServer(algorithm, new Progress(progress), {
      wake: ({ wake }) => wakeUp(wake),
      trouble: (message, flows) => say({ type: 'trouble', message, flows }),
    });
    port.on('message', (message: ToAlgorithmThread) => {
      if (message.type === 'attach') server.attach(message.channel);
      else server.detach(message.id);
      bell.ring();
    });
    say({ type: 'ready' });
  } catch (thrown) {
    const { message, hint } = SelvageError.from(thrown);
    say({ type: 'refused', message, hint });
    return;
  }
  for (;;) {
    const seen = bell.calls;
    if (server.serve()) await nextEvents();
    else await bell.heard(seen, server.isHeldUp ? RETRY_MILLIS : undefined);
  }
}

await main(workerData as AlgorithmThreadStart);
