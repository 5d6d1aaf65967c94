// PathTable_slow (ZooRoute §3.2): all that is known of peers and of the ports towards each, as columns. Others decide; here it
// is kept. The port i of a peer has the index `peer * 64 + i`, whether it is probed or not. A time of 0 is never.

import { type Columns, clearRow, columnsOf } from '../../base/columns.ts';
import type { HostAddress } from '../../wire/address.ts';
import { AddressTable } from './address-table.ts';
import { MAX_PORTS } from './fast-select.ts';
import { JUDGED_PEER, JUDGED_PORT, SCORED_PEER } from './judged-columns.ts';

export const PEER_ASKING = 0;
export const PEER_SPEAKS = 1;
export const PEER_PLAIN = 2;

export const PORT_UNKNOWN = 0;
export const PORT_HEALTHY = 1;
/** Its last probe failed: another decides. */
export const PORT_SUSPECT = 2;
export const PORT_BAD = 3;
/** It answers again, but may be in the fast table only after the next reset of the rankings. */
export const PORT_RESTING = 4;

export const UNKNOWN_HOPS = 255;

const PEER_COLUMNS = {
  ...JUDGED_PEER,
  ...SCORED_PEER,
  state: Uint8Array,
  role: Uint8Array,
  hops: Uint8Array,
  /** All ports are probed, for good or until `episodeEnds`. */
  isFull: Uint8Array,
  /** Ports that are probed in full mode: as many as flows have homes on, or all 64. */
  ports: Uint8Array,
  /** Ports that carry traffic, as of the last round. */
  inUse: Uint8Array,
  sequence: Uint32Array,
  addedAt: Float64Array,
  usedAt: Float64Array,
  nextAskAt: Float64Array,
  askGap: Float64Array,
  asks: Uint32Array,
  episodeEnds: Float64Array,
  /** Probes that may be sent beyond the regular ones. */
  extra: Float64Array,
  extraAt: Float64Array,
  rankedAt: Float64Array,
  /** What intervals are multiplied by, for want of processor time here or there. */
  slowdown: Float64Array,
  /** W of algorithm 1 and what came in since it was last looked at. */
  window: Int32Array,
  answered: Uint32Array,
  backpressure: Uint32Array,
  lost: Uint32Array,
} as const;

const PORT_COLUMNS = {
  ...JUDGED_PORT,
  /** Quick probes still to be sent. */
  series: Uint8Array,
  isProbed: Uint8Array,
  isChosen: Uint8Array,
  rttWhenChosen: Float64Array,
  worseSince: Float64Array,
  usedAt: Float64Array,
  /** In time. */
  answeredAt: Float64Array,
  /** Taken back while none was usable. */
  reopenedAt: Float64Array,
  probes: Uint32Array,
  backend: Float64Array,
} as const;

export type PeerColumns = Columns<typeof PEER_COLUMNS>;
export type PortColumns = Columns<typeof PORT_COLUMNS>;

export class SlowTable {
  readonly addresses = new AddressTable();
  peers: PeerColumns;
  ports: PortColumns;

  constructor() {
    const rows = this.addresses.capacity;
    this.peers = columnsOf(PEER_COLUMNS, rows);
    this.ports = columnsOf(PORT_COLUMNS, rows * MAX_PORTS);
  }

  /** A row for a peer that has none. */
  add(address: HostAddress, now: number): number {
    const peer = this.addresses.add(address);
    const rows = this.addresses.capacity;
    if (rows > this.peers.state.length) {
      this.peers = columnsOf(PEER_COLUMNS, rows, this.peers);
      this.ports = columnsOf(PORT_COLUMNS, rows * MAX_PORTS, this.ports);
    }
    clearRow(this.peers, peer);
    const first = peer * MAX_PORTS;
    for (const column of Object.values(this.ports)) column.fill(0, first, first + MAX_PORTS);
    this.peers.hops[peer] = UNKNOWN_HOPS;
    this.peers.slowdown[peer] = 1;
    this.peers.addedAt[peer] = now;
    return peer;
  }

  remove(peer: number): void {
    this.addresses.remove(peer);
  }

  /** Forgets what was found out about a peer's ports, not that they are used. */
  forgetPorts(peer: number): void {
    for (let i = 0; i < MAX_PORTS; i++) {
      const at = peer * MAX_PORTS + i;
      const usedAt = this.ports.usedAt[at]!;
      clearRow(this.ports, at);
      this.ports.usedAt[at] = usedAt;
    }
    this.peers.suspects[peer] = 0;
    this.peers.isSilent[peer] = 0;
  }
}

export function peerOf(port: number): number {
  return Math.floor(port / MAX_PORTS);
}

/** Whether flows may be put on it, as far as its own state goes. */
export function isUsable(state: number): boolean {
  return state !== PORT_BAD && state !== PORT_RESTING;
}
