// What is counted of each connection, one column a name: the same names and events as the transport's counters of all
// connections together, of which these are the shares. A row keeps its figures when its connection is begun anew.
//
// Of what every packet adds to, columns are exact up to 2^53; of what is rare, to 2^32.

import { grown } from '../base/columns.ts';
import type { TransportCounters } from './types.ts';

const TRAFFIC = [
  'framesSent',
  'framesDelivered',
  'packetsSent',
  'packetsReceived',
  'bytesSent',
  'bytesReceived',
] as const satisfies readonly (keyof TransportCounters)[];

const EVENTS = [
  'lostByGap',
  'lostByTime',
  'lostByTimeout',
  'retransmissions',
  'spurious',
  'duplicates',
  'outOfOrder',
  'connectionsOpened',
  'connectionsReset',
  'fallbacks',
  'wrongPeer',
  'beyondWindow',
  'noMemory',
  'badFraming',
  'badAck',
  'notEstablished',
] as const satisfies readonly (keyof TransportCounters)[];

export type TallyName = (typeof TRAFFIC)[number] | (typeof EVENTS)[number];
export const TALLY_NAMES: readonly TallyName[] = [...TRAFFIC, ...EVENTS];

export type Tallies = Record<(typeof TRAFFIC)[number], Float64Array> &
  Record<(typeof EVENTS)[number], Uint32Array>;

/** Columns for so many rows, those of `old` taken over. */
export function newTallies(rows: number, old?: Tallies): Tallies {
  return Object.fromEntries([
    ...TRAFFIC.map((name) => [name, grown(new Float64Array(rows), old?.[name])]),
    ...EVENTS.map((name) => [name, grown(new Uint32Array(rows), old?.[name])]),
  ]) as Tallies;
}
