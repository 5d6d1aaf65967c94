// Opening connections, noticing that the peer lost one, and falling back (BIFROST §5.2, §5.3, §7.2).
//
//   closed ──frame to send──▶ requested ──response, or the peer's own request──▶ established
//   requested ──three requests unanswered──▶ plain (asked again, in the end every 30 s) ──response, peer's request──▶ established
//   established ──reset, peer silent──▶ requested    established ──request with another CID──▶ challenge
//
// Two ends may ask at once: each learns the other's CID from the request and both are established. Requests take
// another path each time, so that a dead one costs one retry.
//
// A request with another CID may come from a peer that was restarted, or be a copy that the fabric kept for long. So
// the CID we know is asked, as TCP does it (RFC 5961 §4): a peer that still has the connection acknowledges the probe,
// and nothing changes; one that lost it answers with a reset, and is asked for a new one.

import { LANE_ALONE, type Outbox } from '../packet/outbox.ts';
import type { FrameQueue } from '../packet/pieces.ts';
import { SLOTS } from '../paths/path-table.ts';
import {
  CONNECT_HEADER_BYTES,
  CONNECT_PACKET_BYTES,
  type ConnectHeaderView,
  type ConnectPacketType,
  FEATURE_SUPER_FRAMES,
  writeConnectHeader,
  writeConnectMacs,
} from '../wire/bifrost-connect.ts';
import {
  CC_CONSTANT_WINDOW,
  PACKET_CONNECTION_REQUEST,
  PACKET_CONNECTION_RESPONSE,
  PACKET_RESET,
} from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';
import {
  CONNECTION_CLOSED,
  CONNECTION_ESTABLISHED,
  CONNECTION_PLAIN,
  CONNECTION_REQUESTED,
} from './connections.ts';
import type { TransportContext } from './types.ts';

export interface HandshakeState {
  readonly challenges: Set<number>;
  readonly responses: Set<number>;
  readonly requests: Set<number>;
  readonly resets: Reset[];
  readonly byRemote: Map<number, number>;
}

/**
 * How long each request waits for its answer before the next, or before the peer gets plain VXLAN. The first is often
 * lost where others get through, so it waits a timeout (BIFROST §4.3); all together wait longer than a host sleeps.
 */
const WAIT_MICROS = [4000, 28_000, 108_000] as const;
const FIRST_FALLBACK_WAIT_MICROS = 160_000;
const LONGEST_WAIT_MICROS = 30_000_000;
/** Resets remembered in one turn: an answer to packets nobody asked for must not multiply them. */
const MAX_RESETS = 16;

interface Reset {
  readonly peer: number;
  readonly vni: number;
  readonly cid: number;
  readonly slot: number;
}

export class Handshake {
  private readonly context: TransportContext;
  /** Rows whose peer is to be asked whether it still has the connection; emptied by the transport. */
  readonly challenges: Set<number>;
  private readonly responses: Set<number>;
  private readonly requests: Set<number>;
  private readonly resets: Reset[];
  /** Rows by the peer and its CID, to find whom a reset is for. */
  private readonly byRemote: Map<number, number>;

  constructor(context: TransportContext, old?: HandshakeState) {
    this.context = context;
    this.challenges = old?.challenges ?? new Set();
    this.responses = old?.responses ?? new Set();
    this.requests = old?.requests ?? new Set();
    this.resets = old?.resets ?? [];
    this.byRemote = old?.byRemote ?? new Map();
  }

  save(): HandshakeState {
    const { challenges, responses, requests, resets, byRemote } = this;
    return { challenges, responses, requests, resets, byRemote };
  }

  /** Starts to ask for the pair's connection; its row, or -1 when the table is full. */
  open(now: number, pair: number): number {
    const row = this.rowOf(pair);
    if (row >= 0 && this.context.connections.state[row] === CONNECTION_CLOSED) this.request(now, row);
    return row;
  }

  /** A request from `peer`: answered when the vNICs it names are known. True when the row is established by it. */
  onRequest(now: number, peer: number, vni: number, packet: ConnectHeaderView): boolean {
    const { connections, pairs, counters } = this.context;
    const pair = pairs.find(peer, vni, packet.destinationMac, packet.sourceMac);
    const row = pair < 0 ? -1 : this.rowOf(pair);
    if (row < 0) {
      counters.unknownPair++;
      return false;
    }
    const cid = packet.localCid;
    if (connections.state[row] === CONNECTION_ESTABLISHED) {
      if (connections.remoteCid[row] === cid) this.responses.add(row);
      else this.challenges.add(row);
      return false;
    }
    this.responses.add(row);
    // Where both asked, one of them counts as having been asked.
    const bothAsked = connections.state[row] === CONNECTION_REQUESTED;
    connections.accepted[row] = bothAsked && connections.localCid[row]! < cid ? 0 : 1;
    this.establish(now, row, cid);
    return true;
  }

  onResponse(now: number, row: number, packet: ConnectHeaderView): boolean {
    const { connections } = this.context;
    const state = connections.state[row];
    if (state !== CONNECTION_REQUESTED && state !== CONNECTION_PLAIN) return false;
    connections.accepted[row] = 0;
    this.establish(now, row, packet.localCid);
    return true;
  }

  /** The peer does not know the CID we send to: ask for a new connection at once. Its row, or -1 for none. */
  onReset(now: number, peer: number, cid: number): number {
    const row = this.byRemote.get(remoteKey(peer, cid)) ?? -1;
    if (row >= 0) this.restart(now, row);
    return row;
  }

  /** Gives an established connection up and asks for another. */
  restart(now: number, row: number): void {
    const { connections } = this.context;
    if (connections.state[row] !== CONNECTION_ESTABLISHED) return;
    this.lose(row);
    connections.renew(row);
    connections.tallies.connectionsReset[row]!++;
    this.context.counters.connectionsReset++;
    this.request(now, row);
  }

  /** Remembers to tell `peer` that it sent to a CID nobody has. */
  refuse(peer: number, vni: number, cid: number, slot: number): void {
    if (this.resets.length < MAX_RESETS) this.resets.push({ peer, vni, cid, slot });
  }

  /** Repeats a request, or falls back; frames taken back from a lost connection go to `orphans`. */
  onTimer(now: number, row: number, orphans: (pair: number, frames: FrameQueue) => void): void {
    const { connections, counters } = this.context;
    if (connections.requestDue[row]! > now) return;
    const plain = connections.state[row] === CONNECTION_PLAIN;
    if (!plain && connections.attempts[row]! >= WAIT_MICROS.length) {
      connections.state[row] = CONNECTION_PLAIN;
      connections.requestDue[row] = now + FIRST_FALLBACK_WAIT_MICROS;
      connections.tallies.fallbacks[row]!++;
      counters.fallbacks++;
      const recalled = connections.recalled[row];
      connections.recalled[row] = undefined;
      if (recalled !== undefined) orphans(connections.pair[row]!, recalled);
      return;
    }
    this.ask(now, row);
  }

  get pending(): boolean {
    return this.responses.size > 0 || this.requests.size > 0 || this.resets.length > 0;
  }

  /** Writes what is to be said. */
  transmit(out: Outbox): void {
    const { connections, paths } = this.context;
    for (const row of this.requests) {
      if (out.room === 0) return;
      this.requests.delete(row);
      const turn = (connections.localCid[row]! + connections.attempts[row]!) % SLOTS;
      this.write(row, PACKET_CONNECTION_REQUEST, 0, paths.next(connections.peer[row]!, turn), out);
    }
    for (const row of this.responses) {
      if (out.room === 0) return;
      this.responses.delete(row);
      const slot = paths.next(connections.peer[row]!, this.context.rng.u32() % SLOTS);
      this.write(row, PACKET_CONNECTION_RESPONSE, connections.remoteCid[row]!, slot, out);
    }
    while (this.resets.length > 0 && out.room > 0) this.writeReset(this.resets.pop()!, out);
  }

  private rowOf(pair: number): number {
    const { connections, pairs } = this.context;
    const row = connections.ofPair(pair);
    if (row >= 0) return row;
    return connections.add(pair, pairs.peerOf(pair), pairs.vniOf(pair));
  }

  private request(now: number, row: number): void {
    const { connections } = this.context;
    connections.state[row] = CONNECTION_REQUESTED;
    connections.attempts[row] = 0;
    this.ask(now, row);
  }

  private ask(now: number, row: number): void {
    const { connections, paths } = this.context;
    const attempt = connections.attempts[row]!;
    let wait = waitMicros(attempt);
    // Where the peer's round trips are known, so is when the first answer is late.
    if (attempt === 0) wait = Math.min(wait, paths.firstTimeoutMicros(connections.peer[row]!));
    connections.requestDue[row] = now + wait;
    connections.attempts[row] = Math.min(attempt + 1, 255);
    this.requests.add(row);
  }

  private establish(now: number, row: number, remoteCid: number): void {
    const { connections, counters } = this.context;
    connections.remoteCid[row] = remoteCid;
    connections.state[row] = CONNECTION_ESTABLISHED;
    connections.requestDue[row] = Number.POSITIVE_INFINITY;
    connections.lastHeard[row] = now;
    this.requests.delete(row);
    this.byRemote.set(remoteKey(connections.peer[row]!, remoteCid), row);
    connections.begin(row);
    connections.tallies.connectionsOpened[row]!++;
    counters.connectionsOpened++;
  }

  /** Takes back what was not acknowledged and drops what was held. */
  private lose(row: number): void {
    const { connections, region } = this.context;
    this.byRemote.delete(remoteKey(connections.peer[row]!, connections.remoteCid[row]!));
    connections.recall(row, region);
    connections.receive[row]?.discard(region);
    connections.putToRest(row);
  }

  private write(row: number, type: ConnectPacketType, remoteCid: number, slot: number, out: Outbox): void {
    const { connections, pairs, options, region } = this.context;
    const { view } = region.bytes;
    const pair = connections.pair[row]!;
    const at = out.headerEnd() - CONNECT_PACKET_BYTES;
    const cid = connections.localCid[row]!;
    writeConnectHeader(
      view,
      at,
      type,
      options.threadId,
      FEATURE_SUPER_FRAMES,
      cid,
      remoteCid,
      connections.congestion[row]!.ccType,
    );
    writeConnectMacs(view, at, pairs.localMac(pair), pairs.remoteMac(pair));
    writeVxlanBifrostHeader(view, at - VXLAN_HEADER_BYTES, connections.vni[row]!);
    out.add(connections.peer[row]!, slot, VXLAN_HEADER_BYTES + CONNECT_PACKET_BYTES, 0, 0, LANE_ALONE);
  }

  private writeReset({ peer, vni, cid, slot }: Reset, out: Outbox): void {
    const { options, region } = this.context;
    const { view } = region.bytes;
    const at = out.headerEnd() - CONNECT_HEADER_BYTES;
    writeConnectHeader(view, at, PACKET_RESET, options.threadId, 0, 0, cid, CC_CONSTANT_WINDOW);
    writeVxlanBifrostHeader(view, at - VXLAN_HEADER_BYTES, vni);
    out.add(peer, slot, VXLAN_HEADER_BYTES + CONNECT_HEADER_BYTES, 0, 0, LANE_ALONE);
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
