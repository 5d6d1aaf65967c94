// What a client and the agent say to each other on their Unix socket: JSON, one object a message, with the descriptors of
// memory and eventfds beside it. The client offers a range of versions, the agent picks the newest that both speak.
// Whatever comes is checked field by field; what is not understood ends the session.
import { type SessionShape, shapeComplaint } from './layout.ts';

/** Of the protocol: these messages, the layout of memory, the meaning of records of built-in services. */
export const OLDEST_VERSION = 1;
export const NEWEST_VERSION = 1;

/** Of either side; what is longer is not sent. */
export const LONGEST_MESSAGE_BYTES = 4096;

const SERVICE_NAME = /^[\w.-]{1,64}$/;

/** The first message of a client. */
export interface Hello extends SessionShape {
  readonly type: 'hello';
  readonly versions: readonly [oldest: number, newest: number];
  readonly service: string;
  /** A record's first two words are address and length of a block on the sender's heap; length 0: none. */
  readonly blocks: boolean;
}

/** The client's heap is full. */
export interface Grow {
  readonly type: 'grow';
}

/** With four descriptors: the agent's half, the client's half, what wakes the agent, what wakes the client. */
export interface Welcome extends SessionShape {
  readonly type: 'welcome';
  readonly version: number;
}

/** With the descriptor of the next segment of one of the heaps. */
export interface Segment {
  readonly type: 'segment';
  readonly owner: 'client' | 'agent';
}

/** The heap has all that it gets. */
export interface Full {
  readonly type: 'full';
}

/** The last message of an agent. */
export interface Refusal {
  readonly type: 'refusal';
  readonly code: 'bad-input' | 'no-privilege' | 'unsupported' | 'in-use' | 'failed';
  readonly message: string;
  readonly hint?: string;
}

export type FromClient = Hello | Grow;
export type FromAgent = Welcome | Segment | Full | Refusal;

/** What is wrong with the name of a service, as the end of a sentence; undefined when nothing is. */
export function serviceComplaint(service: unknown): string | undefined {
  const isName = typeof service === 'string' && SERVICE_NAME.test(service);
  return isName
    ? undefined
    : 'service is not a name of 1 to 64 letters, digits, dots, dashes and underscores';
}

/** Either a message, or why it is none, as the end of a sentence. */
export function parseFromClient(text: string): FromClient | string {
  const fields = parseObject(text);
  if (fields === undefined) return 'a message is not a JSON object';
  if (fields['type'] === 'grow') return { type: 'grow' };
  if (fields['type'] !== 'hello') return 'the first message is no hello';
  const { versions, service, blocks } = fields;
  if (!Array.isArray(versions) || versions.length !== 2 || !versions.every(Number.isInteger)) {
    return 'versions is not a pair of whole numbers';
  }
  const misnamed = serviceComplaint(service);
  if (misnamed !== undefined) return misnamed;
  if (typeof blocks !== 'boolean') return 'blocks is neither true nor false';
  const shape = shapeOf(fields);
  const complaint = shapeComplaint(shape);
  if (complaint !== undefined) return complaint;
  if (blocks && shape.recordWords < 2) return 'a record of 4 bytes has no room for a block';
  return { type: 'hello', versions: [versions[0], versions[1]], service: String(service), blocks, ...shape };
}

export function parseFromAgent(text: string): FromAgent | undefined {
  const fields = parseObject(text);
  if (fields === undefined) return undefined;
  switch (fields['type']) {
    case 'welcome': {
      const shape = shapeOf(fields);
      const { version } = fields;
      return shapeComplaint(shape) === undefined && typeof version === 'number'
        ? { type: 'welcome', version, ...shape }
        : undefined;
    }
    case 'segment':
      return { type: 'segment', owner: fields['owner'] === 'agent' ? 'agent' : 'client' };
    case 'full':
      return { type: 'full' };
    case 'refusal': {
      const { code, message, hint } = fields;
      const known =
        code === 'bad-input' || code === 'no-privilege' || code === 'unsupported' || code === 'in-use';
      return {
        type: 'refusal',
        code: known ? code : 'failed',
        message: String(message),
        ...(typeof hint === 'string' && { hint }),
      };
    }
    default:
      return undefined;
  }
}

/** The newest version that both speak; undefined when there is none. */
export function commonVersion([oldest, newest]: Hello['versions']): number | undefined {
  const version = Math.min(newest, NEWEST_VERSION);
  return version >= Math.max(oldest, OLDEST_VERSION) ? version : undefined;
}

function shapeOf({ flows, recordWords, records }: Record<string, unknown>): SessionShape {
  return { flows: Number(flows), recordWords: Number(recordWords), records: Number(records) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
