// The table of connections: one row a vNIC pair (BIFROST §4.4, connection aggregation). A row is small and lasts; its
// windows hang on it only while it is used (row-windows.ts).
//
// A CID is thread (8 bits), generation (6), row (18), the last two mixed with a salt: the row is found without a
// search, and packets for an earlier connection of the row, or of this host before it was restarted, are recognised.

import { grown } from '../base/columns.ts';
import type { CongestionAlgorithm } from '../congestion/controller.ts';
import { FrameQueue, type FrameQueueState } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import { CLOSE_IDLE, CLOSE_NO_VERSION, CLOSE_STOPPED, CLOSE_UNKNOWN_PAIR } from '../wire/bifrost-connect.ts';
import { CC_PROGRAM, cidOfThread } from '../wire/bifrost-types.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { type ConnectionPsns, FIRST_ROWS, RowWindows, type RowWindowsState } from './row-windows.ts';
import type { SendWindow } from './send-window.ts';
import { newTallies, type Tallies } from './tallies.ts';

export const CONNECTION_CLOSED = 0;
/** A request is out; frames wait. */
export const CONNECTION_REQUESTED = 1;
export const CONNECTION_ESTABLISHED = 2;
/** The peer does not answer: its frames go as plain VXLAN, and it is asked again now and then. */
export const CONNECTION_PLAIN = 3;
/** We said that it is over, and wait for the peer to say so too. */
export const CONNECTION_CLOSING = 4;
export const CONNECTION_STATE_NAMES = ['closed', 'requested', 'established', 'plain', 'closing'] as const;

/** Why there is no connection, by CLOSE_…, for people. */
export const CLOSE_REASON_NAMES: Readonly<Record<number, string>> = {
  [CLOSE_IDLE]: 'not used for long',
  [CLOSE_STOPPED]: 'the other agent stopped',
  [CLOSE_UNKNOWN_PAIR]: 'the other host has no such vNICs',
  [CLOSE_NO_VERSION]: 'no version of the protocol in common',
};

const ROW_BITS = 18;
const MAX_ROWS = 1 << ROW_BITS;
const GENERATIONS = 64;
const SALT_MASK = 0x00ff_ffff;

/** One value a row each. */
export interface ConnectionColumns {
  readonly state: Uint8Array;
  /** Requests sent without an answer. */
  readonly attempts: Uint8Array;
  readonly pair: Uint32Array;
  readonly peer: Uint32Array;
  readonly vni: Uint32Array;
  readonly localCid: Uint32Array;
  readonly remoteCid: Uint32Array;
  /** 1 when the peer asked for this connection. */
  readonly accepted: Uint8Array;
  /** Version and features that both ends have, while it is established (BIFROST §5.3). */
  readonly version: Uint8Array;
  readonly features: Uint8Array;
  /** CLOSE_…: why there is no connection, or 0 when nobody said so. */
  readonly reason: Uint8Array;
  /** When the next request, keepalive or close is due, or Infinity. */
  readonly requestDue: Float64Array;
  /** When the peer last acknowledged something, or said why it will not. */
  readonly lastHeard: Float64Array;
  /** The most packets that the newest received was ahead of the first missing. */
  readonly deepestReorder: Uint16Array;
  /** When anything came from the peer, and when a frame was last on its way. */
  readonly aliveAt: Float64Array;
  readonly usedAt: Float64Array;
}

export interface ConnectionTableState extends ConnectionColumns, RowWindowsState {
  readonly count: number;
  readonly recalled: readonly (FrameQueueState | undefined)[];
  readonly byPair: Map<number, number>;
  readonly tallies: Tallies;
  readonly salt: number;
}

export class ConnectionTable implements ConnectionColumns {
  count: number;
  state: Uint8Array;
  attempts: Uint8Array;
  pair: Uint32Array;
  peer: Uint32Array;
  vni: Uint32Array;
  localCid: Uint32Array;
  remoteCid: Uint32Array;
  accepted: Uint8Array;
  version: Uint8Array;
  features: Uint8Array;
  reason: Uint8Array;
  requestDue: Float64Array;
  lastHeard: Float64Array;
  deepestReorder: Uint16Array;
  tallies: Tallies;
  aliveAt: Float64Array;
  usedAt: Float64Array;
  /** Frames taken back from a connection that was lost; they go first on the next one. */
  readonly recalled: (FrameQueue | undefined)[];
  /** Both or none; `awaken` brings them. */
  readonly send: (SendWindow | undefined)[];
  readonly receive: (ReceiveWindow | undefined)[];
  private readonly byPair: Map<number, number>;
  /** What governs each row. */
  readonly congestion: CongestionAlgorithm[];
  private readonly rowWindows: RowWindows;
  private readonly congestionOf: (pair: number) => CongestionAlgorithm;
  private readonly threadId: number;
  /** Of each send window. */
  readonly windowPackets: number;
  /** Random, and as secret as CIDs are. */
  readonly salt: number;

  /**
   * `salt` is random: a restarted host must not take up CIDs that its peers still know. Each open connection of `old`
   * gets a controller of what `congestionOf` its pair is.
   */
  constructor(
    threadId: number,
    windowPackets: number,
    salt: number,
    congestionOf: (pair: number) => CongestionAlgorithm,
    old?: ConnectionTableState,
  ) {
    this.threadId = threadId;
    this.windowPackets = windowPackets;
    this.salt = old?.salt ?? salt & SALT_MASK;
    this.count = old?.count ?? 0;
    this.state = old?.state ?? new Uint8Array(FIRST_ROWS);
    this.attempts = old?.attempts ?? new Uint8Array(FIRST_ROWS);
    this.pair = old?.pair ?? new Uint32Array(FIRST_ROWS);
    this.peer = old?.peer ?? new Uint32Array(FIRST_ROWS);
    this.vni = old?.vni ?? new Uint32Array(FIRST_ROWS);
    this.localCid = old?.localCid ?? new Uint32Array(FIRST_ROWS);
    this.remoteCid = old?.remoteCid ?? new Uint32Array(FIRST_ROWS);
    this.accepted = old?.accepted ?? new Uint8Array(FIRST_ROWS);
    this.version = old?.version ?? new Uint8Array(FIRST_ROWS);
    this.features = old?.features ?? new Uint8Array(FIRST_ROWS);
    this.reason = old?.reason ?? new Uint8Array(FIRST_ROWS);
    this.requestDue = old?.requestDue ?? new Float64Array(FIRST_ROWS);
    this.lastHeard = old?.lastHeard ?? new Float64Array(FIRST_ROWS);
    this.deepestReorder = old?.deepestReorder ?? new Uint16Array(FIRST_ROWS);
    this.tallies = old?.tallies ?? newTallies(FIRST_ROWS);
    this.aliveAt = old?.aliveAt ?? new Float64Array(FIRST_ROWS);
    this.usedAt = old?.usedAt ?? new Float64Array(FIRST_ROWS);
    this.byPair = old?.byPair ?? new Map();
    this.recalled = (old?.recalled ?? []).map((queue) => queue && new FrameQueue(queue));
    this.rowWindows = new RowWindows(windowPackets, old);
    this.send = this.rowWindows.send;
    this.receive = this.rowWindows.receive;
    this.congestionOf = congestionOf;
    this.congestion = Array.from({ length: this.count }, (_, row) => congestionOf(this.pair[row]!));
    for (const row of this.rowWindows.awakeRows) this.send[row]!.congestion = this.congestion[row]!.create();
  }

  save(): ConnectionTableState {
    const { count, byPair, tallies, salt } = this;
    const recalled = this.recalled.map((queue) => queue?.save());
    return { ...this.columns(), ...this.rowWindows.save(), recalled, count, byPair, tallies, salt };
  }

  private columns(): ConnectionColumns {
    const { state, attempts, pair, peer, vni, localCid, remoteCid, accepted } = this;
    const { version, features, reason, requestDue, lastHeard, deepestReorder, aliveAt, usedAt } = this;
    const ends = { pair, peer, vni, localCid, remoteCid, accepted, version, features };
    return { state, attempts, reason, ...ends, requestDue, lastHeard, deepestReorder, aliveAt, usedAt };
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    for (const queue of this.recalled) queue?.each(visit);
    this.rowWindows.eachHeld(visit);
  }

  /** The pair's connection, or -1. */
  ofPair(pair: number): number {
    return this.byPair.get(pair) ?? -1;
  }

  /** The row a CID of ours names, or -1. */
  ofCid(cid: number): number {
    const row = (cid ^ this.salt) & (MAX_ROWS - 1);
    return row < this.count && this.localCid[row] === cid ? row : -1;
  }

  /** Adds the pair's row, closed; -1 when the table is full. */
  add(pair: number, peer: number, vni: number): number {
    if (this.count === MAX_ROWS) return -1;
    if (this.count === this.state.length) this.grow();
    const row = this.count++;
    this.byPair.set(pair, row);
    this.pair[row] = pair;
    this.peer[row] = peer;
    this.vni[row] = vni;
    this.congestion[row] = this.congestionOf(pair);
    this.requestDue[row] = Number.POSITIVE_INFINITY;
    this.localCid[row] = this.cid(row, 0);
    return row;
  }

  /** Gives the row a CID that the peer has not seen: packets for the old one are no longer taken. */
  renew(row: number): void {
    const generation = ((this.localCid[row]! ^ this.salt) & SALT_MASK) >>> ROW_BITS;
    this.localCid[row] = this.cid(row, generation + 1);
  }

  /** What governs pairs is to be looked up again: connections whose pairs are governed otherwise now get a new controller; `changed` is told of them. */
  regovern(changed: (row: number) => void): void {
    for (let row = 0; row < this.count; row++) {
      const next = this.congestionOf(this.pair[row]!);
      const before = this.congestion[row]!;
      if (next.name === before.name) continue;
      this.congestion[row] = next;
      const send = this.send[row];
      if (send === undefined) continue;
      // Between two of the control plane's the flows stay what they are.
      if (next.ccType !== CC_PROGRAM) send.congestion.close?.();
      send.congestion = next.create();
      changed(row);
    }
  }

  /** For people: also of rows without windows. */
  psnsOf(row: number): ConnectionPsns {
    return this.rowWindows.psnsOf(row);
  }

  /** Rows that have windows. */
  get awake(): number {
    return this.rowWindows.awakeRows.size;
  }

  /** Windows that there are, those in the pool included. */
  get windows(): number {
    return this.rowWindows.count;
  }

  /** Begins both directions anew, without windows as yet. */
  begin(row: number): void {
    // Both ends derive the first PSN of a direction from the CID it goes to: no header has room for it.
    this.rowWindows.begin(row, firstPsn(this.remoteCid[row]!), firstPsn(this.localCid[row]!));
  }

  /** The next PSN to give, and the first that was not received, whether the row has windows or not. */
  nextPsn(row: number): number {
    return this.rowWindows.nextPsn(row);
  }

  basePsn(row: number): number {
    return this.rowWindows.basePsn(row);
  }

  /** Sees to it that the row, which is established, has its windows for the rest of this turn. */
  awaken(row: number): void {
    this.rowWindows.awaken(row, this.congestion[row]!);
  }

  /** Sees to it that a row with something to send again has windows. True when the row is open and has any. */
  awakenRecalled(row: number): boolean {
    if (this.state[row] !== CONNECTION_ESTABLISHED) return false;
    if (this.recalled[row] !== undefined) this.awaken(row);
    return this.send[row] !== undefined;
  }

  /** Takes the windows of rows that were not used since the last call and in which nothing is left to do. */
  rest(): void {
    this.rowWindows.rest();
  }

  /** Takes the row's windows, which must hold nothing. */
  putToRest(row: number): void {
    this.rowWindows.putToRest(row);
  }

  /** Takes back what the row sent and the peer did not acknowledge, in front of what was taken back earlier. */
  recall(row: number, region: Region): void {
    const frames = new FrameQueue();
    this.send[row]?.recall(frames, region);
    const earlier = this.recalled[row];
    while (earlier !== undefined && earlier.frames > 0) {
      frames.push(earlier.frontOffset(), earlier.frontLength());
      earlier.shift();
    }
    this.recalled[row] = frames;
  }

  private cid(row: number, generation: number): number {
    const number = (((generation % GENERATIONS) << ROW_BITS) | row) ^ this.salt;
    const cid = cidOfThread(this.threadId, number);
    // CID 0 names no connection.
    return cid === 0 ? this.cid(row, generation + 1) : cid;
  }

  /** By half: twice as much would leave half of each column unused. */
  private grow(): void {
    const capacity = this.state.length + (this.state.length >>> 1);
    this.state = grown(new Uint8Array(capacity), this.state);
    this.attempts = grown(new Uint8Array(capacity), this.attempts);
    this.accepted = grown(new Uint8Array(capacity), this.accepted);
    this.version = grown(new Uint8Array(capacity), this.version);
    this.features = grown(new Uint8Array(capacity), this.features);
    this.reason = grown(new Uint8Array(capacity), this.reason);
    this.aliveAt = grown(new Float64Array(capacity), this.aliveAt);
    this.usedAt = grown(new Float64Array(capacity), this.usedAt);
    this.pair = grown(new Uint32Array(capacity), this.pair);
    this.peer = grown(new Uint32Array(capacity), this.peer);
    this.vni = grown(new Uint32Array(capacity), this.vni);
    this.localCid = grown(new Uint32Array(capacity), this.localCid);
    this.remoteCid = grown(new Uint32Array(capacity), this.remoteCid);
    this.requestDue = grown(new Float64Array(capacity), this.requestDue);
    this.lastHeard = grown(new Float64Array(capacity), this.lastHeard);
    this.deepestReorder = grown(new Uint16Array(capacity), this.deepestReorder);
    this.tallies = newTallies(capacity, this.tallies);
    this.rowWindows.grow(capacity);
  }
}

/** A number that depends on every bit of the CID, so that sequences start, and wrap, anywhere. */
export function firstPsn(destinationCid: number): number {
  const mixed = Math.imul(destinationCid ^ (destinationCid >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 12)) >>> 0;
}
