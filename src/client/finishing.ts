// What opening a session and becoming the owner of an endpoint have in common: waiting for the agent's answer, with the event
// loop free or blocking, and mapping the memory that comes with it.

import { isMainThread } from 'node:worker_threads';
import { EventFd } from '../linux/eventfd.ts';
import { close } from '../linux/libc.ts';
import { Readiness } from '../linux/readiness.ts';
import { mapWhileSeen } from '../linux/shared-memory.ts';

export interface Finishable<T> {
  /** Readable when the agent has answered. */
  readonly fd: number;
  readonly timeoutMillis: number;
  finish(timeoutMillis: number): T;
}

/** Of the agent's welcome: its half and the client's, and what rings the agent and the client. */
export type WelcomeFds = readonly [agentHalf: number, ownHalf: number, agentBell: number, clientBell: number];

export interface SharedMemory {
  readonly mine: ArrayBuffer;
  readonly theirs: ArrayBuffer;
  readonly agentBell: EventFd;
  /** The reading end of a pipe. */
  readonly clientBell: number;
}

/** On the main thread the event loop goes on meanwhile. */
export async function finishLater<T>(opening: Finishable<T>): Promise<T> {
  if (!isMainThread) return finishNow(opening);
  const readiness = new Readiness(opening.fd);
  try {
    await readiness.wait(opening.timeoutMillis);
  } finally {
    readiness.close();
  }
  return opening.finish(0);
}

export function finishNow<T>(opening: Finishable<T>): T {
  return opening.finish(opening.timeoutMillis);
}

/** Makes what uses the memory, which keeps the bells and the control socket; where that fails nothing stays open. */
export function withMemory<T>(
  [agentHalf, ownHalf, agentBell, clientBell]: WelcomeFds,
  halfBytes: number,
  control: { close(): void },
  make: (memory: SharedMemory) => T,
): T {
  try {
    return make(memoryOf(agentHalf, ownHalf, halfBytes, agentBell, clientBell));
  } catch (error) {
    close(agentBell);
    close(clientBell);
    control.close();
    throw error;
  } finally {
    close(agentHalf);
    close(ownHalf);
  }
}

function memoryOf(
  agentHalf: number,
  ownHalf: number,
  halfBytes: number,
  agentBell: number,
  clientBell: number,
): SharedMemory {
  return {
    mine: mapWhileSeen(ownHalf, halfBytes, true),
    theirs: mapWhileSeen(agentHalf, halfBytes, false),
    agentBell: new EventFd(agentBell),
    clientBell,
  };
}
