// Opening connections, noticing that the peer lost one, and falling back (BIFROST §5.2, §5.3, §7.2). How they end is in
// teardown.ts.
//
//   closed ──frame to send──▶ requested ──response, or the peer's own request──▶ established
//   requested ──three requests unanswered──▶ plain (asked again, in the end every 30 s) ──response, peer's request──▶ established
//   requested ──refused──▶ plain    established ──reset, peer silent──▶ requested    ──request with another CID──▶ challenge
//
// Two ends may ask at once: each learns the other's CID from the request and both are established.
//
// A request with another CID may come from a peer that was restarted, or be a copy that the fabric kept for long. So
// the CID we know is asked, as TCP does it (RFC 5961 §4): a peer that still has the connection acknowledges the probe,
// and nothing changes; one that lost it answers with a reset, and is asked for a new one.
//
// A request says the newest version and the features of its sender. The connection has the highest version that both
// speak, which the response says, and the features of both (BIFROST §5.3); where there is no such version, the request is
// refused. The packets are written in handshake-packets.ts.

import type { FrameQueue } from '../packet/pieces.ts';
import { SLOTS } from '../paths/path-table.ts';
import {
  CLOSE_NO_VERSION,
  CLOSE_STOPPED,
  CLOSE_UNKNOWN_PAIR,
  type ConnectHeaderView,
  FEATURE_SUPER_FRAMES,
} from '../wire/bifrost-connect.ts';
import { PACKET_CLOSE, PACKET_RESET, SPOKEN_VERSIONS } from '../wire/bifrost-types.ts';
import {
  CONNECTION_CLOSED,
  CONNECTION_CLOSING,
  CONNECTION_ESTABLISHED,
  CONNECTION_PLAIN,
  CONNECTION_REQUESTED,
} from './connections.ts';
import { HandshakePackets, type HandshakePacketsState } from './handshake-packets.ts';
import { IDLE_MICROS, KEEPALIVE_MICROS } from './keepalive.ts';
import type { Notices } from './notices.ts';
import type { TransportContext } from './types.ts';

export interface HandshakeState extends HandshakePacketsState {
  readonly challenges: Set<number>;
  readonly byRemote: Map<number, number>;
  readonly stopped: boolean;
}

/**
 * How long each request waits for its answer before the next, or before the peer gets plain VXLAN. The first is often
 * lost where others get through, so it waits a timeout (BIFROST §4.3); all together wait longer than a host sleeps.
 */
const WAIT_MICROS = [4000, 28_000, 108_000] as const;
const FIRST_FALLBACK_WAIT_MICROS = 160_000;
const LONGEST_WAIT_MICROS = 30_000_000;
/** A host that said that it stops is asked so often, and so long: it may only be restarted. */
const STOPPED_WAIT_MICROS = 100_000;
const HOLD_MICROS = 3_000_000;

/** Takes frames back, which the transport does not send: as plain VXLAN, or, cut into frames of one packet, again. */
export type GiveBack = (pair: number, frames: FrameQueue, again: boolean) => void;

export class Handshake {
  private readonly context: TransportContext;
  /** Rows whose peer is to be asked whether it still has the connection; emptied by the transport. */
  readonly challenges: Set<number>;
  /** Requests and responses that are to be sent. */
  readonly packets: HandshakePackets;
  /** Rows by the peer and its CID, to find whom a reset is for. */
  private readonly byRemote: Map<number, number>;
  private readonly notices: Notices;
  private readonly giveBack: GiveBack;
  /** Nothing begins any more. */
  stopped: boolean;

  constructor(context: TransportContext, notices: Notices, giveBack: GiveBack, old?: HandshakeState) {
    this.context = context;
    this.notices = notices;
    this.giveBack = giveBack;
    this.stopped = old?.stopped ?? false;
    this.challenges = old?.challenges ?? new Set();
    this.packets = new HandshakePackets(context, old);
    this.byRemote = old?.byRemote ?? new Map();
  }

  save(): HandshakeState {
    const { challenges, byRemote, stopped } = this;
    return { ...this.packets.save(), challenges, byRemote, stopped };
  }

  /** Connections that both ends have. */
  get open(): number {
    return this.byRemote.size;
  }

  /** Starts to ask for the pair's connection; its row, or -1 when the table is full. */
  begin(now: number, pair: number): number {
    const { connections } = this.context;
    const row = this.rowOf(pair);
    if (row < 0 || this.stopped) return row;
    // One that was being closed is needed after all.
    if (connections.state[row] === CONNECTION_CLOSING) this.forget(row);
    else if (connections.state[row] !== CONNECTION_CLOSED) return row;
    this.request(now, row);
    return row;
  }

  /** A request from `peer`: answered when the vNICs it names are known. The row that it established, or -1. */
  onRequest(now: number, peer: number, vni: number, packet: ConnectHeaderView): number {
    const { connections, pairs, counters, options } = this.context;
    if (this.stopped) return -1;
    const { oldest, newest } = options.versions ?? SPOKEN_VERSIONS;
    const pair = pairs.find(peer, vni, packet.destinationMac, packet.sourceMac);
    const row = pair < 0 ? -1 : this.rowOf(pair);
    const cid = packet.localCid;
    if (row < 0) {
      counters.unknownPair++;
      this.refuseRequest(peer, vni, cid, CLOSE_UNKNOWN_PAIR);
      return -1;
    }
    if (packet.version < oldest) {
      this.refuseRequest(peer, vni, cid, CLOSE_NO_VERSION);
      this.onRefused(now, row, CLOSE_NO_VERSION);
      return -1;
    }
    if (connections.state[row] === CONNECTION_ESTABLISHED) {
      if (connections.remoteCid[row] === cid) this.packets.respond(row);
      else this.challenges.add(row);
      return -1;
    }
    if (connections.state[row] === CONNECTION_CLOSING) this.forget(row);
    this.packets.respond(row);
    // Where both asked, one of them counts as having been asked.
    const bothAsked = connections.state[row] === CONNECTION_REQUESTED;
    connections.accepted[row] = bothAsked && connections.localCid[row]! < cid ? 0 : 1;
    this.establish(now, row, cid, Math.min(newest, packet.version), packet.features);
    return row;
  }

  onResponse(now: number, row: number, packet: ConnectHeaderView): boolean {
    const { connections, options } = this.context;
    const state = connections.state[row];
    if (state !== CONNECTION_REQUESTED && state !== CONNECTION_PLAIN) return false;
    const { oldest, newest } = options.versions ?? SPOKEN_VERSIONS;
    if (packet.version < oldest || packet.version > newest) {
      this.refuseRequest(connections.peer[row]!, connections.vni[row]!, packet.localCid, CLOSE_NO_VERSION);
      this.onRefused(now, row, CLOSE_NO_VERSION);
      return false;
    }
    connections.accepted[row] = 0;
    this.establish(now, row, packet.localCid, packet.version, packet.features);
    return true;
  }

  /** The peer will not have the connection: its frames go as plain VXLAN, and it is asked again later. */
  onRefused(now: number, row: number, reason: number): void {
    const { connections, counters } = this.context;
    const isAsked =
      connections.state[row] === CONNECTION_REQUESTED || connections.state[row] === CONNECTION_PLAIN;
    // A response to a request that was refused crossed with the refusal: the peer will not have it either.
    const isUnwanted = connections.state[row] === CONNECTION_ESTABLISHED && reason === CLOSE_NO_VERSION;
    if (!isAsked && !isUnwanted) return;
    counters.requestsRefused++;
    if (isUnwanted) this.forget(row);
    connections.reason[row] = reason;
    connections.attempts[row] = Math.max(connections.attempts[row]!, WAIT_MICROS.length);
    if (connections.state[row] !== CONNECTION_PLAIN) this.fallBack(now, row);
    if (reason === CLOSE_NO_VERSION) connections.requestDue[row] = now + LONGEST_WAIT_MICROS;
  }

  /** The row whose peer calls its connection so, or -1. */
  ofRemote(peer: number, cid: number): number {
    return this.byRemote.get(remoteKey(peer, cid)) ?? -1;
  }

  /** Gives an established connection up and asks for another. */
  restart(now: number, row: number): void {
    const { connections } = this.context;
    if (connections.state[row] !== CONNECTION_ESTABLISHED) return;
    this.forget(row);
    connections.tallies.connectionsReset[row]!++;
    this.context.counters.connectionsReset++;
    this.request(now, row);
  }

  /** Remembers to tell `peer` that it sent to a CID nobody has. */
  refuse(peer: number, vni: number, cid: number, slot: number, version: number): void {
    if (this.stopped) return;
    this.notices.answer({
      type: PACKET_RESET,
      version,
      peer,
      vni,
      slot,
      localCid: 0,
      destinationCid: cid,
      reason: 0,
    });
  }

  /** Repeats a request, or falls back. For a row that is asked for, and whose time has come. */
  onTimer(now: number, row: number): void {
    const { connections } = this.context;
    const plain = connections.state[row] === CONNECTION_PLAIN;
    if (plain && now - connections.usedAt[row]! >= IDLE_MICROS) this.giveUp(row);
    else if (plain || connections.attempts[row]! < WAIT_MICROS.length || this.isPatient(now, row))
      this.ask(now, row);
    else this.fallBack(now, row);
  }

  /** Asks no more, until there is something to send. */
  giveUp(row: number): void {
    const { connections } = this.context;
    connections.state[row] = CONNECTION_CLOSED;
    connections.requestDue[row] = Number.POSITIVE_INFINITY;
    this.packets.cancelRequest(row);
  }

  private rowOf(pair: number): number {
    const { connections, pairs } = this.context;
    const row = connections.ofPair(pair);
    if (row >= 0) return row;
    return connections.add(pair, pairs.peerOf(pair), pairs.vniOf(pair));
  }

  request(now: number, row: number): void {
    const { connections } = this.context;
    connections.state[row] = CONNECTION_REQUESTED;
    connections.attempts[row] = 0;
    this.ask(now, row);
  }

  private fallBack(now: number, row: number): void {
    const { connections, counters } = this.context;
    connections.state[row] = CONNECTION_PLAIN;
    connections.requestDue[row] = now + FIRST_FALLBACK_WAIT_MICROS;
    connections.usedAt[row] = now;
    this.packets.cancelRequest(row);
    connections.tallies.fallbacks[row]!++;
    counters.fallbacks++;
    this.returnRecalled(row, false);
  }

  private returnRecalled(row: number, again: boolean): void {
    const { connections } = this.context;
    const recalled = connections.recalled[row];
    connections.recalled[row] = undefined;
    if (recalled !== undefined) this.giveBack(connections.pair[row]!, recalled, again);
  }

  private isPatient(now: number, row: number): boolean {
    const { connections } = this.context;
    return connections.reason[row] === CLOSE_STOPPED && now - connections.lastHeard[row]! < HOLD_MICROS;
  }

  private refuseRequest(peer: number, vni: number, cid: number, reason: number): void {
    const { options, paths, rng } = this.context;
    const { newest: version } = options.versions ?? SPOKEN_VERSIONS;
    const slot = paths.next(peer, rng.u32() % SLOTS);
    this.notices.answer({
      type: PACKET_CLOSE,
      version,
      peer,
      vni,
      slot,
      localCid: 0,
      destinationCid: cid,
      reason,
    });
  }

  private ask(now: number, row: number): void {
    const { connections, paths } = this.context;
    const attempt = connections.attempts[row]!;
    let wait = waitMicros(attempt);
    // Where the peer's round trips are known, so is when the first answer is late.
    if (attempt === 0) wait = Math.min(wait, paths.firstTimeoutMicros(connections.peer[row]!));
    if (this.isPatient(now, row)) wait = STOPPED_WAIT_MICROS;
    connections.requestDue[row] = now + wait;
    connections.attempts[row] = Math.min(attempt + 1, 255);
    this.packets.request(row);
  }

  private establish(now: number, row: number, remoteCid: number, version: number, theirs: number): void {
    const { connections, pairs, counters } = this.context;
    connections.remoteCid[row] = remoteCid;
    connections.state[row] = CONNECTION_ESTABLISHED;
    connections.version[row] = version;
    connections.features[row] = theirs & pairs.featuresOf(connections.pair[row]!);
    connections.reason[row] = 0;
    connections.attempts[row] = 0;
    connections.requestDue[row] = now + KEEPALIVE_MICROS;
    connections.lastHeard[row] = now;
    connections.aliveAt[row] = now;
    connections.usedAt[row] = now;
    this.packets.cancelRequest(row);
    this.byRemote.set(remoteKey(connections.peer[row]!, remoteCid), row);
    connections.begin(row);
    connections.tallies.connectionsOpened[row]!++;
    counters.connectionsOpened++;
    if ((connections.features[row]! & FEATURE_SUPER_FRAMES) === 0) this.returnRecalled(row, true);
  }

  /** Takes back what was not acknowledged and drops what was held. */
  release(row: number): void {
    const { connections, region } = this.context;
    connections.recall(row, region);
    connections.receive[row]?.discard(region);
    connections.putToRest(row);
  }

  /** The same, and packets for the connection are no longer taken. */
  forget(row: number): void {
    const { connections } = this.context;
    this.byRemote.delete(remoteKey(connections.peer[row]!, connections.remoteCid[row]!));
    this.release(row);
    connections.renew(row);
  }
}

/**
 * A peer in fallback keeps its plain frames flowing while it is asked: soon at first, since it may only have been
 * restarted.
 */
function waitMicros(attempt: number): number {
  const wait = WAIT_MICROS[attempt];
  if (wait !== undefined) return wait;
  const doublings = attempt - WAIT_MICROS.length;
  return Math.min(LONGEST_WAIT_MICROS, FIRST_FALLBACK_WAIT_MICROS * 2 ** doublings);
}

function remoteKey(peer: number, cid: number): number {
  return peer * 0x1_0000_0000 + cid;
}
