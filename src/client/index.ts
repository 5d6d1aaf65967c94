// @selvage/client: sessions with the agent of this host over shared memory.
import { SelvageError } from '../base/errors.ts';
import type { ConnectOptions, Session } from './api.ts';
import { finishLater, finishNow } from './finishing.ts';
import { Opening } from './opening.ts';

export type { ConnectOptions, Flow, Heap, Session } from './api.ts';
export { SelvageError };

export async function connect(options: ConnectOptions): Promise<Session> {
  return finishLater(new Opening(options));
}

export function connectSync(options: ConnectOptions): Session {
  return finishNow(new Opening(options));
}
