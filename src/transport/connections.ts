// The table of connections: one row a vNIC pair (BIFROST §4.4, connection aggregation). A row is small and lasts. The
// windows, a thousand times as large, hang on it only while it is used and come from a pool (BIFROST §4.4, resource
// pooling): a connection at rest is two PSNs.
//
// A CID is thread (8 bits), generation (6), row (18), the last two mixed with a salt: the row is found without a
// search, and packets for an earlier connection of the row, or of this host before it was restarted, are recognised.

import type { CongestionAlgorithm } from '../congestion/controller.ts';
import { FrameQueue, type FrameQueueState } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import { CLOSE_IDLE, CLOSE_NO_VERSION, CLOSE_STOPPED, CLOSE_UNKNOWN_PAIR } from '../wire/bifrost-connect.ts';
import { cidOfThread } from '../wire/bifrost-types.ts';
import { ReceiveWindow, type ReceiveWindowState } from './receive-window.ts';
import { SendWindow, type SendWindowState } from './send-window.ts';
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
/** Windows kept for the next connections, besides as many as are in use. */
const MIN_POOL = 16;
const POOLED_PLACES = 512;

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

/** Where the directions of a connection are. */
export interface ConnectionPsns {
  /** Oldest unacknowledged, next to transmit, next to give. */
  readonly una: number;
  readonly txNext: number;
  readonly next: number;
  /** Everything below is received; one above the newest received. */
  readonly base: number;
  readonly end: number;
}

export interface ConnectionTableState extends ConnectionColumns {
  readonly count: number;
  readonly recalled: readonly (FrameQueueState | undefined)[];
  readonly send: readonly (SendWindowState | undefined)[];
  readonly receive: readonly (ReceiveWindowState | undefined)[];
  readonly byPair: Map<number, number>;
  readonly sendPsn: Uint32Array;
  readonly receivePsn: Uint32Array;
  readonly used: Uint8Array;
  readonly awakeRows: Set<number>;
  readonly sendPool: readonly SendWindowState[];
  readonly receivePool: readonly ReceiveWindowState[];
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
  /** Where the directions go on, of rows without windows. */
  private sendPsn: Uint32Array;
  private receivePsn: Uint32Array;
  /** 1 when the windows were used since the last look, and the rows that have windows. */
  private used: Uint8Array;
  private readonly awakeRows: Set<number>;
  private readonly sendPool: SendWindow[];
  private readonly receivePool: ReceiveWindow[];
  private readonly congestionOf: (pair: number) => CongestionAlgorithm;
  private readonly threadId: number;
  /** Of each send window. */
  readonly windowPackets: number;
  private readonly salt: number;

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
    this.state = old?.state ?? new Uint8Array(16);
    this.attempts = old?.attempts ?? new Uint8Array(16);
    this.pair = old?.pair ?? new Uint32Array(16);
    this.peer = old?.peer ?? new Uint32Array(16);
    this.vni = old?.vni ?? new Uint32Array(16);
    this.localCid = old?.localCid ?? new Uint32Array(16);
    this.remoteCid = old?.remoteCid ?? new Uint32Array(16);
    this.accepted = old?.accepted ?? new Uint8Array(16);
    this.version = old?.version ?? new Uint8Array(16);
    this.features = old?.features ?? new Uint8Array(16);
    this.reason = old?.reason ?? new Uint8Array(16);
    this.requestDue = old?.requestDue ?? new Float64Array(16);
    this.lastHeard = old?.lastHeard ?? new Float64Array(16);
    this.deepestReorder = old?.deepestReorder ?? new Uint16Array(16);
    this.tallies = old?.tallies ?? newTallies(16);
    this.aliveAt = old?.aliveAt ?? new Float64Array(16);
    this.usedAt = old?.usedAt ?? new Float64Array(16);
    this.byPair = old?.byPair ?? new Map();
    this.recalled = (old?.recalled ?? []).map((queue) => queue && new FrameQueue(queue));
    this.send = (old?.send ?? []).map((window) => window && new SendWindow(window.limit, window));
    this.receive = (old?.receive ?? []).map((window) => window && new ReceiveWindow(window));
    this.sendPsn = old?.sendPsn ?? new Uint32Array(16);
    this.receivePsn = old?.receivePsn ?? new Uint32Array(16);
    this.used = old?.used ?? new Uint8Array(16);
    this.awakeRows = old?.awakeRows ?? new Set();
    this.sendPool = (old?.sendPool ?? []).map((window) => new SendWindow(window.limit, window));
    this.receivePool = (old?.receivePool ?? []).map((window) => new ReceiveWindow(window));
    this.congestionOf = congestionOf;
    this.congestion = Array.from({ length: this.count }, (_, row) => congestionOf(this.pair[row]!));
    for (const row of this.awakeRows) this.send[row]!.congestion = this.congestion[row]!.create();
  }

  save(): ConnectionTableState {
    const { count, byPair, sendPsn, receivePsn, used, awakeRows, tallies, salt } = this;
    return {
      ...this.columns(),
      recalled: this.recalled.map((queue) => queue?.save()),
      send: this.send.map((window) => window?.save()),
      receive: this.receive.map((window) => window?.save()),
      sendPool: this.sendPool.map((window) => window.save()),
      receivePool: this.receivePool.map((window) => window.save()),
      count,
      byPair,
      sendPsn,
      receivePsn,
      used,
      awakeRows,
      tallies,
      salt,
    };
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
    for (const window of this.send) window?.eachHeld(visit);
    for (const window of this.receive) window?.eachHeld(visit);
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

  /** For people: also of rows without windows. */
  psnsOf(row: number): ConnectionPsns {
    const send = this.send[row];
    const receive = this.receive[row];
    const sent = this.sendPsn[row]!;
    const received = this.receivePsn[row]!;
    return {
      una: send?.una ?? sent,
      txNext: send?.txNext ?? sent,
      next: send?.next ?? sent,
      base: receive?.base ?? received,
      end: receive?.end ?? received,
    };
  }

  /** Rows that have windows. */
  get awake(): number {
    return this.awakeRows.size;
  }

  /** Windows that there are, those in the pool included. */
  get windows(): number {
    return this.awakeRows.size + this.sendPool.length;
  }

  /** Begins both directions anew, without windows as yet. */
  begin(row: number): void {
    // Both ends derive the first PSN of a direction from the CID it goes to: no header has room for it.
    this.sendPsn[row] = firstPsn(this.remoteCid[row]!);
    this.receivePsn[row] = firstPsn(this.localCid[row]!);
  }

  /** The next PSN to give, and the first that was not received, whether the row has windows or not. */
  nextPsn(row: number): number {
    return this.send[row]?.next ?? this.sendPsn[row]!;
  }

  basePsn(row: number): number {
    return this.receive[row]?.base ?? this.receivePsn[row]!;
  }

  /** Sees to it that the row, which is established, has its windows for the rest of this turn. */
  awaken(row: number): void {
    this.used[row] = 1;
    if (this.send[row] !== undefined) return;
    const send = this.sendPool.pop() ?? new SendWindow(this.windowPackets);
    const receive = this.receivePool.pop() ?? new ReceiveWindow();
    send.reset(this.sendPsn[row]!);
    receive.reset(this.receivePsn[row]!);
    // What it knew of the paths before a rest is old by now.
    send.congestion = this.congestion[row]!.create();
    this.send[row] = send;
    this.receive[row] = receive;
    this.awakeRows.add(row);
  }

  /** Sees to it that a row with something to send again has windows. True when the row is open and has any. */
  awakenRecalled(row: number): boolean {
    if (this.state[row] !== CONNECTION_ESTABLISHED) return false;
    if (this.recalled[row] !== undefined) this.awaken(row);
    return this.send[row] !== undefined;
  }

  /** Takes the windows of rows that were not used since the last call and in which nothing is left to do. */
  rest(): void {
    for (const row of this.awakeRows) {
      if (this.used[row] === 0 && this.send[row]!.isIdle && this.receive[row]!.isIdle) this.putToRest(row);
      this.used[row] = 0;
    }
    // What many connections needed at the same time once is not kept for ever.
    const most = Math.max(MIN_POOL, this.awakeRows.size);
    if (this.sendPool.length <= most) return;
    this.sendPool.length = most;
    this.receivePool.length = most;
  }

  /** Takes the row's windows, which must hold nothing. */
  putToRest(row: number): void {
    const send = this.send[row];
    const receive = this.receive[row];
    if (send === undefined || receive === undefined) return;
    this.sendPsn[row] = send.next;
    this.receivePsn[row] = receive.end;
    // Those that grew for a bulk transfer are not for the next connection to keep.
    if (send.mask < POOLED_PLACES && receive.mask < POOLED_PLACES) {
      this.sendPool.push(send);
      this.receivePool.push(receive);
    }
    this.send[row] = undefined;
    this.receive[row] = undefined;
    this.awakeRows.delete(row);
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
    this.state = enlarge(this.state, new Uint8Array(capacity));
    this.attempts = enlarge(this.attempts, new Uint8Array(capacity));
    this.accepted = enlarge(this.accepted, new Uint8Array(capacity));
    this.version = enlarge(this.version, new Uint8Array(capacity));
    this.features = enlarge(this.features, new Uint8Array(capacity));
    this.reason = enlarge(this.reason, new Uint8Array(capacity));
    this.aliveAt = enlarge(this.aliveAt, new Float64Array(capacity));
    this.usedAt = enlarge(this.usedAt, new Float64Array(capacity));
    this.pair = enlarge(this.pair, new Uint32Array(capacity));
    this.peer = enlarge(this.peer, new Uint32Array(capacity));
    this.vni = enlarge(this.vni, new Uint32Array(capacity));
    this.localCid = enlarge(this.localCid, new Uint32Array(capacity));
    this.remoteCid = enlarge(this.remoteCid, new Uint32Array(capacity));
    this.sendPsn = enlarge(this.sendPsn, new Uint32Array(capacity));
    this.receivePsn = enlarge(this.receivePsn, new Uint32Array(capacity));
    this.used = enlarge(this.used, new Uint8Array(capacity));
    this.requestDue = enlarge(this.requestDue, new Float64Array(capacity));
    this.lastHeard = enlarge(this.lastHeard, new Float64Array(capacity));
    this.deepestReorder = enlarge(this.deepestReorder, new Uint16Array(capacity));
    this.tallies = newTallies(capacity, this.tallies);
  }
}

/** A number that depends on every bit of the CID, so that sequences start, and wrap, anywhere. */
export function firstPsn(destinationCid: number): number {
  const mixed = Math.imul(destinationCid ^ (destinationCid >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 12)) >>> 0;
}

function enlarge<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
