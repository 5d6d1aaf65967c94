// What a process that takes over goes on from: whom it spoke with, and what was found out about ports. Plain values, so that it
// can be kept in a file. Requests that were on their way, events and rankings of the processor are not kept.

import type { Ipv6Address } from '../../wire/address.ts';
import { MAX_PORTS } from './fast-select.ts';
import { PEER_SPEAKS, PORT_BAD, PORT_HEALTHY, PORT_RESTING, type SlowTable } from './slow-table.ts';

const VERSION = 1;

export interface SavedPort {
  readonly index: number;
  readonly state: number;
  readonly srtt: number;
  readonly failureFreeSince: number;
  readonly usedAt: number;
  readonly backend: number;
}

export interface SavedPeer {
  readonly address: Ipv6Address;
  readonly role: number;
  readonly hops: number;
  readonly ports: number;
  readonly usedAt: number;
  readonly rankedAt: number;
  readonly switches: number;
  readonly known: readonly SavedPort[];
  /** The bytes of its state in the fast table: flows must stay where they are. */
  readonly fast: readonly number[];
}

export interface SavedRerouting {
  readonly version: number;
  readonly processId: number;
  readonly peers: readonly SavedPeer[];
}

export function saveTable(
  table: SlowTable,
  processId: number,
  fastOf: (peer: number) => readonly number[],
): SavedRerouting {
  const speaking = [...table.addresses.rows].filter((peer) => table.peers.state[peer] === PEER_SPEAKS);
  return { version: VERSION, processId, peers: speaking.map((peer) => savePeer(table, peer, fastOf(peer))) };
}

/** Undefined when it is not what `saveTable` made, of this version. */
export function readSaved(value: unknown): SavedRerouting | undefined {
  const saved = value as SavedRerouting | null;
  if (typeof saved !== 'object' || saved === null || saved.version !== VERSION) return undefined;
  return Array.isArray(saved.peers) && saved.peers.every(isPeer) ? saved : undefined;
}

/** Writes what is known of a peer's ports into its row. */
export function restorePorts(table: SlowTable, peer: number, saved: SavedPeer): void {
  const { peers, ports } = table;
  peers.rankedAt[peer] = saved.rankedAt;
  peers.switches[peer] = saved.switches;
  peers.ports[peer] = saved.ports === MAX_PORTS ? MAX_PORTS : peers.ports[peer]!;
  for (const { index, state, srtt, failureFreeSince, usedAt, backend } of saved.known) {
    const at = peer * MAX_PORTS + index;
    ports.state[at] = state;
    ports.srtt[at] = srtt;
    ports.failureFreeSince[at] = failureFreeSince;
    ports.usedAt[at] = usedAt;
    ports.backend[at] = backend;
  }
}

function savePeer(table: SlowTable, peer: number, fast: readonly number[]): SavedPeer {
  const { peers, ports } = table;
  const indexes = Array.from({ length: MAX_PORTS }, (_, i) => i);
  const known = indexes.flatMap((index) => {
    const at = peer * MAX_PORTS + index;
    const state = ports.state[at]!;
    // A suspect is to be judged anew.
    const kept = state === PORT_BAD || state === PORT_RESTING ? state : PORT_HEALTHY;
    if (state === 0) return [];
    return {
      index,
      state: kept,
      srtt: ports.srtt[at]!,
      failureFreeSince: ports.failureFreeSince[at]!,
      usedAt: ports.usedAt[at]!,
      backend: ports.backend[at]!,
    };
  });
  return {
    address: table.addresses.addressOf(peer),
    role: peers.role[peer]!,
    hops: peers.hops[peer]!,
    ports: peers.ports[peer]!,
    usedAt: peers.usedAt[peer]!,
    rankedAt: peers.rankedAt[peer]!,
    switches: peers.switches[peer]!,
    known,
    fast,
  };
}

function isPeer(value: unknown): value is SavedPeer {
  const peer = value as SavedPeer | null;
  if (typeof peer !== 'object' || peer === null) return false;
  const { address, known, fast, ...numbers } = peer;
  const isAddress = Array.isArray(address) && address.length === 4 && address.every(isWord);
  const arePorts = Array.isArray(known) && known.every(isPort);
  const areBytes = Array.isArray(fast) && fast.every((byte) => isWord(byte) && byte < 256);
  const named = ['role', 'hops', 'ports', 'usedAt', 'rankedAt', 'switches'] as const;
  return isAddress && arePorts && areBytes && named.every((name) => Number.isFinite(numbers[name]));
}

function isPort(value: unknown): value is SavedPort {
  const port = value as SavedPort | null;
  if (typeof port !== 'object' || port === null) return false;
  const isKnown = [PORT_HEALTHY, PORT_BAD, PORT_RESTING].includes(port.state);
  const named = ['srtt', 'failureFreeSince', 'usedAt', 'backend'] as const;
  return (
    isWord(port.index) &&
    port.index < MAX_PORTS &&
    isKnown &&
    named.every((name) => Number.isFinite(port[name]))
  );
}

function isWord(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32;
}
