// What is known of the source ports towards a peer of which slots were left: the part of ZooRoute's slow table (ZooRoute §5) that
// an agent needs. A peer gets a row with its first anomaly, and gives it back when half an hour has passed without
// another, so peers whose paths work cost nothing. The port `i` of row `r` has the index `r * 64 + i`.

import { type Columns, clearRow, columnsOf } from '../base/columns.ts';
import { JUDGED_PEER, JUDGED_PORT, SCORED_PEER } from './reroute/judged-columns.ts';

/** As the judge counts. */
export const ROW_PORTS = 64;
const FIRST_ROWS = 4;

const PEER_COLUMNS = {
  ...JUDGED_PEER,
  ...SCORED_PEER,
  peer: Uint32Array,
  isFull: Uint8Array,
  episodeEnds: Float64Array,
  rankedAt: Float64Array,
  tokens: Float64Array,
  tokensAt: Float64Array,
  /** When they were last filled up at once. */
  grantedAt: Float64Array,
} as const;

const PORT_COLUMNS = {
  ...JUDGED_PORT,
  answeredAt: Float64Array,
  /** Answers to probes since the peer's candidates were last measured, 255 at most, and the least round trip among them. */
  measured: Uint8Array,
  leastRtt: Float64Array,
  /** Its route was slow then: it is held until so long after; 0: it was not. */
  slowAt: Float64Array,
  probes: Uint32Array,
  /** Of the newest probe and the one before: what the answer must bear, when it was sent, and the slot to be answered by. */
  label: Uint32Array,
  sentAt: Float64Array,
  back: Uint8Array,
  labelBefore: Uint32Array,
  sentBefore: Float64Array,
  backBefore: Uint8Array,
  /** 1 while the newest probe is waited for. */
  isOut: Uint8Array,
  /** Probes in a row of which nothing can be said. */
  unclear: Uint8Array,
  interval: Float64Array,
} as const;

export interface CandidateTableState {
  readonly peers: Columns<typeof PEER_COLUMNS>;
  readonly ports: Columns<typeof PORT_COLUMNS>;
  /** In the order in which they were given out. */
  readonly rows: readonly (readonly [peer: number, row: number])[];
}

export class CandidateTable {
  peers: CandidateTableState['peers'];
  ports: CandidateTableState['ports'];
  private readonly rows: Map<number, number>;

  constructor(old?: CandidateTableState) {
    this.peers = old?.peers ?? columnsOf(PEER_COLUMNS, FIRST_ROWS);
    this.ports = old?.ports ?? columnsOf(PORT_COLUMNS, FIRST_ROWS * ROW_PORTS);
    this.rows = new Map(old?.rows);
  }

  save(): CandidateTableState {
    const { peers, ports } = this;
    return { peers, ports, rows: [...this.rows] };
  }

  /** The row of a peer, or -1. */
  find(peer: number): number {
    return this.rows.get(peer) ?? -1;
  }

  add(peer: number): number {
    const row = this.freeRow();
    if (row === this.peers.peer.length) {
      this.peers = columnsOf(PEER_COLUMNS, row * 2, this.peers);
      this.ports = columnsOf(PORT_COLUMNS, row * 2 * ROW_PORTS, this.ports);
    }
    clearRow(this.peers, row);
    for (let i = 0; i < ROW_PORTS; i++) clearRow(this.ports, row * ROW_PORTS + i);
    this.peers.peer[row] = peer;
    this.rows.set(peer, row);
    return row;
  }

  remove(row: number): void {
    this.rows.delete(this.peers.peer[row]!);
  }

  private freeRow(): number {
    const used = new Set(this.rows.values());
    let row = 0;
    while (used.has(row)) row++;
    return row;
  }
}
