// What an endpoint and the agent say to each other on their Unix socket: JSON, one object a message, with descriptors beside
// the welcome. What is not understood ends the connection.

import type { Refusal } from '../shm/messages.ts';
import { isVnicShape, type VnicShape } from './layout.ts';

/** Of these messages and of what is in shared memory. */
export const VNIC_VERSION = 1;

/** The first message of an application. */
export interface VnicHello {
  readonly type: 'endpoint';
  readonly versions: readonly [oldest: number, newest: number];
}

/** Who of the network has this address? */
export interface Resolve {
  readonly type: 'resolve';
  readonly address: string;
}

/** With four descriptors: the agent's half, the application's half, what wakes the agent, what wakes the application. */
export interface VnicWelcome extends VnicShape {
  readonly type: 'welcome';
  readonly version: number;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  /** Rings that one flow may hold. */
  readonly ringsPerFlow: number;
}

export interface Neighbor {
  readonly type: 'neighbor';
  readonly address: string;
  /** Absent: nobody has it. */
  readonly mac?: string;
}

export type FromEndpoint = VnicHello | Resolve;
export type ToEndpoint = VnicWelcome | Neighbor | Refusal;

/** Either a message, or why it is none, as the end of a sentence. */
export function parseFromEndpoint(text: string): FromEndpoint | string {
  const fields = parseObject(text);
  if (fields === undefined) return 'a message is not a JSON object';
  const { type, versions, address } = fields;
  if (type === 'resolve') {
    return typeof address === 'string' && address.length <= 64
      ? { type, address }
      : 'address is not a text of at most 64 letters';
  }
  if (type !== 'endpoint') return 'the first message is not that of an endpoint';
  if (!Array.isArray(versions) || versions.length !== 2 || !versions.every(Number.isInteger)) {
    return 'versions is not a pair of whole numbers';
  }
  return { type, versions: [versions[0], versions[1]] };
}

export function parseToEndpoint(text: string): ToEndpoint | undefined {
  const fields = parseObject(text);
  switch (fields?.['type']) {
    case 'welcome': {
      const welcome = fields as unknown as VnicWelcome;
      return isVnicShape(welcome) && welcome.version === VNIC_VERSION ? welcome : undefined;
    }
    case 'neighbor':
    case 'refusal':
      return fields as unknown as Neighbor | Refusal;
    default:
      return undefined;
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
