// Who may open a session: root, the agent's own user and members of the configured group, each user so many.

import type { Refusal } from '../../runtime/shm/messages.ts';
import { type Accepted, type ClientsAccess, MAX_CONNECTIONS } from './given.ts';
import { notPermitted, tooMany, tooManyOf } from './refusals.ts';

/** `users`: whose the connections are that there are already. Undefined when whoever connected may. */
export function admissionRefusal(
  { uid, gid, groups }: Accepted,
  { gid: permitted, group, uid: own, sessionsPerUser }: ClientsAccess,
  users: readonly number[],
): Refusal | undefined {
  const isMember = permitted !== undefined && (gid === permitted || groups.includes(permitted));
  if (uid !== 0 && uid !== own && !isMember) return notPermitted(group);
  if (users.length >= MAX_CONNECTIONS) return tooMany(MAX_CONNECTIONS);
  const theirs = users.filter((user) => user === uid).length;
  return theirs < sessionsPerUser ? undefined : tooManyOf(uid, sessionsPerUser);
}
