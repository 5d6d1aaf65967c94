// @selvage/client: sessions with the agent of this host over shared memory.
import { isMainThread } from 'node:worker_threads';
import { SelvageError } from '../base/errors.ts';
import { Readiness } from '../linux/readiness.ts';
import type { ConnectOptions, Session } from './api.ts';
import { Opening } from './opening.ts';

export type { ConnectOptions, Flow, Heap, Session } from './api.ts';
export { SelvageError };

export async function connect(options: ConnectOptions): Promise<Session> {
  if (!isMainThread) return connectSync(options);
  const opening = new Opening(options);
  const readiness = new Readiness(opening.fd);
  try {
    await readiness.wait(opening.timeoutMillis);
  } finally {
    readiness.close();
  }
  return opening.finish(0);
}

export function connectSync(options: ConnectOptions): Session {
  const opening = new Opening(options);
  return opening.finish(opening.timeoutMillis);
}
