// What a client is told when it may not connect or its session is ended: a sentence, and what to do.
import type { Fault } from '../../runtime/shm/half.ts';
import { type Hello, NEWEST_VERSION, OLDEST_VERSION, type Refusal } from '../../runtime/shm/messages.ts';

const EXPLANATIONS: Readonly<Record<Fault, string>> = {
  none: 'there is no reason',
  badIndex: 'an index of a ring went where it cannot',
  badDoorbell: 'a doorbell named no flow',
  badBlock: "a record named a block that is not on the client's heap",
  badReturn: 'a block was given back that was not lent',
  badMessage: 'the client did not read what it was sent',
};

/** A session that its client broke. */
export function ended(fault: Fault): Refusal {
  return refusal('bad-input', `The agent ended this session: ${EXPLANATIONS[fault]}.`);
}

export function notPermitted(group: string | undefined): Refusal {
  return group === undefined
    ? refusal(
        'no-privilege',
        'Only root may open sessions with this agent.',
        'Set clients.group in its configuration.',
      )
    : refusal(
        'no-privilege',
        `Only members of the group ${group} may open sessions.`,
        `usermod -aG ${group} USER`,
      );
}

export function noCommonVersion([oldest, newest]: Hello['versions']): Refusal {
  return refusal(
    'unsupported',
    `The agent speaks versions ${OLDEST_VERSION} to ${NEWEST_VERSION} of the protocol, this client ${oldest} to ${newest}.`,
    'Install the @selvage/client of the agent’s release.',
  );
}

export function noService(asked: string, known: string): Refusal {
  return refusal('bad-input', `There is no service ${asked} here.`, `There is: ${known}.`);
}

export function tooMany(most: number): Refusal {
  return refusal('in-use', `The agent serves ${most} sessions already.`, 'Close some.');
}

export function tooManyOf(uid: number, most: number): Refusal {
  return refusal(
    'in-use',
    `The user ${uid} has ${most} sessions with the agent already, as many as one user may have.`,
    'Close some, or raise clients.sessionsPerUser in the agent’s configuration.',
  );
}

/** A session that was being served when the engine threw: how much of it was done nobody knows. */
export function interrupted(): Refusal {
  return refusal(
    'failed',
    'The agent failed while it served this session, and ended it so that no record is lost unnoticed.',
    'Connect anew; what went wrong is in `selvage engines`.',
  );
}

/** Sessions that the engine knows nothing of: it was started anew after it had failed several times. */
export function forgotten(): Refusal {
  return refusal(
    'failed',
    'The agent had to start its service for clients anew, without its sessions.',
    'Connect anew; what went wrong is in `selvage engines`.',
  );
}

export function noMemory(): Refusal {
  return refusal('failed', 'The agent has no memory or descriptors left for this session.');
}

export function noLongerServed(): Refusal {
  return refusal('failed', 'The agent serves no clients any more.');
}

export function refusal(code: Refusal['code'], message: string, hint?: string): Refusal {
  return { type: 'refusal', code, message, ...(hint !== undefined && { hint }) };
}
