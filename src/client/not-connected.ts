// Why a program cannot reach the agent's sockets, in a sentence with what to do.

import { statSync } from 'node:fs';
import { SelvageError } from '../base/errors.ts';
import { groupName } from '../linux/groups.ts';
import { EACCES, ECONNREFUSED, ENOENT, errnoName } from '../linux/libc.ts';

/** What the socket is for. */
export interface Purpose {
  /** As in "No agent serves clients here". */
  readonly service: string;
  /** What to do when there is no agent. */
  readonly hint: string;
  /** As in "Only root may open sessions at …". */
  readonly action: string;
  /** What to do where no group may. */
  readonly group: string;
}

export function notConnected(path: string, code: number, purpose: Purpose): SelvageError {
  if (code === ENOENT || code === ECONNREFUSED) {
    const message = `No agent ${purpose.service} here: nobody listens at ${path}.`;
    return new SelvageError('not-running', message, { hint: purpose.hint });
  }
  if (code === EACCES) return notPermitted(path, purpose);
  return new SelvageError('failed', `Could not connect to ${path}: ${errnoName(code)}.`, {
    hint: 'If it stays so, restart the agent.',
  });
}

/** Names the group, where the socket shows one. */
function notPermitted(path: string, { action, group: hint }: Purpose): SelvageError {
  const stat = statSync(path, { throwIfNoEntry: false });
  const isForGroup = stat !== undefined && (stat.mode & 0o020) !== 0;
  const group = isForGroup ? groupName(stat.gid) : undefined;
  return group === undefined
    ? new SelvageError('no-privilege', `Only root may ${action} at ${path}.`, { hint })
    : new SelvageError('no-privilege', `Only members of the group ${group} may ${action} at ${path}.`, {
        hint: `Add this user to it (usermod -aG ${group} USER) and log in again.`,
      });
}
