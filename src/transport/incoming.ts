// What arrives from peers: each packet is told by its type, held against the connection that it names, and handed to the
// part of the transport that it is for. What is not taken is counted by reason.

import { AckView } from '../wire/bifrost-ack.ts';
import { ConnectHeaderView } from '../wire/bifrost-connect.ts';
import { DATA_SPECIAL, DataHeaderView } from '../wire/bifrost-data.ts';
import {
  bifrostPacketType,
  bifrostVersion,
  PACKET_ACK,
  PACKET_CLOSE,
  PACKET_CONNECTION_REQUEST,
  PACKET_DATA,
  PACKET_PAUSE,
  PACKET_RESET,
  SPOKEN_VERSIONS,
  type VersionRange,
} from '../wire/bifrost-types.ts';
import { PauseView } from '../wire/overlay-pause.ts';
import { CONNECTION_CLOSING, CONNECTION_ESTABLISHED, type ConnectionTable } from './connections.ts';
import type { Deadlines } from './deadlines.ts';
import type { Handshake } from './handshake.ts';
import type { LossDetector } from './loss.ts';
import { isFarLabel, type Prober } from './prober.ts';
import type { Receiver } from './receiver.ts';
import type { RowSet } from './row-set.ts';
import type { Teardown } from './teardown.ts';
import type { OnPause, TransportContext, TransportCounters } from './types.ts';

/** Whom packets are for. */
export interface IncomingTargets {
  readonly receiver: Receiver;
  readonly losses: LossDetector;
  readonly prober: Prober;
  readonly handshake: Handshake;
  readonly teardown: Teardown;
  readonly deadlines: Deadlines;
  /** Rows get into these when a packet gives them something to transmit, or whole frames to deliver. */
  readonly ready: RowSet;
  readonly deliverable: RowSet;
  readonly onPause: OnPause | undefined;
}

export class Incoming {
  private readonly context: TransportContext;
  private readonly connections: ConnectionTable;
  private readonly counters: TransportCounters;
  private readonly versions: VersionRange;
  private readonly receiver: Receiver;
  private readonly losses: LossDetector;
  private readonly prober: Prober;
  private readonly handshake: Handshake;
  private readonly teardown: Teardown;
  private readonly deadlines: Deadlines;
  private readonly ready: RowSet;
  private readonly deliverable: RowSet;
  private readonly onPauseFrame: OnPause | undefined;
  private readonly data = new DataHeaderView();
  private readonly ack = new AckView();
  private readonly connect = new ConnectHeaderView();
  private readonly pause = new PauseView();

  constructor(context: TransportContext, targets: IncomingTargets) {
    this.context = context;
    this.connections = context.connections;
    this.counters = context.counters;
    this.versions = context.options.versions ?? SPOKEN_VERSIONS;
    this.receiver = targets.receiver;
    this.losses = targets.losses;
    this.prober = targets.prober;
    this.handshake = targets.handshake;
    this.teardown = targets.teardown;
    this.deadlines = targets.deadlines;
    this.ready = targets.ready;
    this.deliverable = targets.deliverable;
    this.onPauseFrame = targets.onPause;
  }

  /** Takes in one packet, from its BIFROST header on; see `Transport.receive`. */
  receive(
    now: number,
    peer: number,
    vni: number,
    at: number,
    length: number,
    arrivedAt: number,
    hops: number,
    small: boolean,
  ): void {
    const { bytes } = this.context.region;
    const type = bifrostPacketType(bytes.view, at, length);
    const isConnect = type >= PACKET_CONNECTION_REQUEST && type <= PACKET_CLOSE;
    if (isConnect && this.connect.aim(bytes, at, length)) {
      this.onConnect(now, peer, vni);
      return;
    }
    if (type !== 0 && !isConnect) {
      const version = bifrostVersion(bytes.view, at);
      if (version < this.versions.oldest || version > this.versions.newest) {
        this.counters.otherVersion++;
        return;
      }
      if (type === PACKET_DATA && this.data.aim(bytes, at, length)) {
        this.onData(now, peer, vni, version, arrivedAt, hops, small);
        return;
      }
      if (type === PACKET_ACK && this.ack.aim(bytes, at, length)) {
        this.onAck(now, peer, vni, version, arrivedAt);
        return;
      }
      if (type === PACKET_PAUSE && this.pause.aim(bytes, at, length)) {
        this.onPause(now, peer, vni, version);
        return;
      }
    }
    this.counters.malformed++;
  }

  private onData(
    now: number,
    peer: number,
    vni: number,
    version: number,
    arrivedAt: number,
    hops: number,
    small: boolean,
  ): void {
    const { data, connections, counters } = this;
    const row = connections.ofCid(data.destinationCid);
    if (row < 0) {
      counters.unknownCid++;
      this.handshake.refuse(peer, vni, data.destinationCid, data.pathId, version);
      return;
    }
    if (!this.belongs(now, row, peer, vni, version)) return;
    if ((data.flags & DATA_SPECIAL) !== 0) {
      this.prober.onProbe(row, data, arrivedAt, hops);
      return;
    }
    connections.usedAt[row] = now;
    connections.awaken(row);
    if (this.receiver.onData(row, data, arrivedAt, hops, small)) this.deliverable.add(row);
    this.ready.add(row);
  }

  private onAck(now: number, peer: number, vni: number, version: number, arrivedAt: number): void {
    const { ack, connections, counters } = this;
    const row = connections.ofCid(ack.destinationCid);
    if (row < 0) {
      counters.unknownCid++;
      return;
    }
    if (!this.belongs(now, row, peer, vni, version)) return;
    connections.lastHeard[row] = now;
    counters.acksReceived++;
    if (ack.isSpecial && isFarLabel(ack.psn, connections.nextPsn(row))) {
      this.context.candidates?.onAnswer(now, peer, ack.pathId, ack.psn, ack.echoMicros);
      return;
    }
    if (ack.isSpecial) {
      const rtt = ((now >>> 0) - ack.echoMicros) | 0;
      if (rtt > 0) this.context.paths.onProbeAnswered(peer, ack.pathId, rtt, now);
      if (connections.send[row] === undefined) {
        this.losses.feedback.onPath(now, arrivedAt, row, ack);
        return;
      }
    }
    connections.awaken(row);
    if (!this.losses.onAck(now, arrivedAt, row, ack)) {
      connections.tallies.badAck[row]!++;
      counters.badAck++;
    }
    // What this one overtook may be overdue already: judged in this turn.
    if (connections.send[row]!.overtakenDue <= now) this.deadlines.arm(row);
    this.ready.add(row);
  }

  private onPause(now: number, peer: number, vni: number, version: number): void {
    const { pause, connections, counters } = this;
    const row = connections.ofCid(pause.destinationCid);
    if (row < 0) {
      counters.unknownCid++;
      return;
    }
    if (!this.belongs(now, row, peer, vni, version)) return;
    counters.pausesReceived++;
    this.onPauseFrame?.(now, connections.pair[row]!, pause);
  }

  private onConnect(now: number, peer: number, vni: number): void {
    const { connect, connections, counters, handshake } = this;
    const { type } = connect;
    if (type === PACKET_CONNECTION_REQUEST) {
      const row = handshake.onRequest(now, peer, vni, connect);
      if (row >= 0) this.ready.add(row);
      return;
    }
    if (type === PACKET_RESET) {
      const row = handshake.ofRemote(peer, connect.destinationCid);
      if (row < 0) return;
      if (connections.state[row] === CONNECTION_CLOSING) this.teardown.finish(row);
      else handshake.restart(now, row);
      this.ready.add(row);
      return;
    }
    const row = connections.ofCid(connect.destinationCid);
    if (row < 0) {
      counters.unknownCid++;
      // The peer may be waiting for an answer to a close that was sent before.
      const { localCid, destinationCid, version } = connect;
      if (type === PACKET_CLOSE && localCid !== 0) handshake.refuse(peer, vni, destinationCid, 0, version);
    } else if (!this.isFromPeer(row, peer, vni)) return;
    else if (type === PACKET_CLOSE) {
      this.teardown.onClose(now, row, connect);
      this.deadlines.arm(row);
    } else if (handshake.onResponse(now, row, connect)) this.ready.add(row);
    else this.deadlines.arm(row);
  }

  /** True when the row is open and the packet came from its peer. */
  private belongs(now: number, row: number, peer: number, vni: number, version: number): boolean {
    const { connections, counters } = this;
    if (!this.isFromPeer(row, peer, vni)) return false;
    if (connections.state[row] !== CONNECTION_ESTABLISHED) {
      // The response to our request was lost or is on its way; the peer will send this again.
      connections.tallies.notEstablished[row]!++;
      counters.notEstablished++;
      return false;
    }
    if (connections.version[row] !== version) {
      counters.otherVersion++;
      return false;
    }
    connections.aliveAt[row] = now;
    return true;
  }

  private isFromPeer(row: number, peer: number, vni: number): boolean {
    const { connections, counters } = this;
    if (connections.peer[row] === peer && connections.vni[row] === vni) return true;
    connections.tallies.wrongPeer[row]!++;
    counters.wrongPeer++;
    return false;
  }
}
