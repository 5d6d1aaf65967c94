// The Unix socket that clients connect to, beside the agent's own: open to the configured group, else to root alone. The
// admin socket has made sure before that no other agent runs in the same folder.
import { chmodSync, chownSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SelvageError } from '../../base/errors.ts';
import { gidOf } from '../../linux/groups.ts';
import { close } from '../../linux/libc.ts';
import { listenUnix } from '../../linux/unix-socket.ts';
import type { ClientsAccess } from './given.ts';

/** What a thread is told that is to serve clients. */
export interface ClientsStart {
  /** A listening socket; closed by whoever opened it. */
  readonly listener: number;
  readonly access: ClientsAccess;
}

export function clientSocketPath(runtimeDir: string): string {
  return join(runtimeDir, 'clients.sock');
}

export interface ClientSocketOptions {
  readonly group?: string | undefined;
  readonly sessionsPerUser: number;
}

/** Throws SelvageError when the group is unknown or the socket cannot be made. */
export function openClientSocket(
  runtimeDir: string,
  { group, sessionsPerUser }: ClientSocketOptions,
): ClientsStart {
  const gid = group === undefined ? undefined : gidOf(group);
  if (group !== undefined && gid === undefined) {
    throw new SelvageError('bad-config', `clients.group: this host has no group ${group}.`, {
      hint: `Create it (groupadd --system ${group}), or name another.`,
    });
  }
  const path = clientSocketPath(runtimeDir);
  // What is left of an agent that was killed.
  removeClientSocket(runtimeDir);
  const listener = listenUnix(path);
  try {
    chmodSync(path, gid === undefined ? 0o600 : 0o660);
    if (gid !== undefined) chownSync(path, process.getuid!(), gid);
  } catch (cause) {
    close(listener);
    throw new SelvageError('no-privilege', `${path} cannot be given to the group ${group}.`, {
      hint: 'Run the agent as root or as a member of that group.',
      cause,
    });
  }
  return { listener, access: { gid, group, uid: process.getuid!(), sessionsPerUser } };
}

export function removeClientSocket(runtimeDir: string): void {
  rmSync(clientSocketPath(runtimeDir), { force: true });
}
