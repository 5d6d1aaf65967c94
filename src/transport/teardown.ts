// Ending connections (BIFROST §5.3 and §7.2 need it, the paper has nothing of it): an end that stops, or that a
// connection has rested too long at, says so, and the other says so too.
//
//   established ──idle, stopped──▶ closing ──the peer's close or reset, three closes unanswered──▶ closed
//   established ──the peer's close──▶ closed, or, with something to send, ──▶ requested
//   requested, plain ──a close that refuses the request──▶ plain
//
// Closes that cross are each other's answers. One that is lost is repeated; where all are lost, the peer learns from the
// reset that its next packet or keepalive meets. Both CIDs must be right in a close, as it is with resets of TCP.

import { SLOTS } from '../paths/path-table.ts';
import { CLOSE_STOPPED, type ConnectHeaderView } from '../wire/bifrost-connect.ts';
import { PACKET_CLOSE } from '../wire/bifrost-types.ts';
import {
  CONNECTION_CLOSED,
  CONNECTION_CLOSING,
  CONNECTION_ESTABLISHED,
  CONNECTION_PLAIN,
  CONNECTION_REQUESTED,
} from './connections.ts';
import type { Handshake } from './handshake.ts';
import type { Notices } from './notices.ts';
import type { TransportContext } from './types.ts';

/** How long each close waits for its answer. */
const WAIT_MICROS = [4000, 28_000, 108_000] as const;

export class Teardown {
  private readonly context: TransportContext;
  private readonly handshake: Handshake;
  private readonly notices: Notices;

  constructor(context: TransportContext, handshake: Handshake, notices: Notices) {
    this.context = context;
    this.handshake = handshake;
    this.notices = notices;
  }

  /** Ends an established connection; `reason` is CLOSE_IDLE or CLOSE_STOPPED. */
  close(now: number, row: number, reason: number): void {
    const { connections, counters } = this.context;
    counters.connectionsClosed++;
    this.handshake.release(row);
    connections.state[row] = CONNECTION_CLOSING;
    connections.reason[row] = reason;
    connections.attempts[row] = 0;
    this.say(now, row);
  }

  /** Ends all, and lets none begin: this host's transport stops. */
  stop(now: number): void {
    const { connections } = this.context;
    this.handshake.stopped = true;
    for (let row = 0; row < connections.count; row++) {
      const state = connections.state[row];
      if (state === CONNECTION_ESTABLISHED) this.close(now, row, CLOSE_STOPPED);
      else if (state === CONNECTION_REQUESTED || state === CONNECTION_PLAIN) this.handshake.giveUp(row);
    }
  }

  /** Nobody is waited for. */
  get isDone(): boolean {
    const { connections } = this.context;
    for (let row = 0; row < connections.count; row++) {
      if (connections.state[row] === CONNECTION_CLOSING) return false;
    }
    return !this.notices.pending;
  }

  /** For a row that is closing, and whose time has come. */
  onTimer(now: number, row: number): void {
    if (this.context.connections.attempts[row]! >= WAIT_MICROS.length) this.finish(row);
    else this.say(now, row);
  }

  /** The peer knows. */
  finish(row: number): void {
    this.handshake.forget(row);
    this.context.connections.state[row] = CONNECTION_CLOSED;
    this.context.connections.requestDue[row] = Number.POSITIVE_INFINITY;
  }

  /** A close for `row`, which is the peer's. */
  onClose(now: number, row: number, packet: ConnectHeaderView): void {
    const { connections, counters } = this.context;
    const { localCid, reason } = packet;
    if (localCid === 0) {
      this.handshake.onRefused(now, row, reason);
      return;
    }
    const state = connections.state[row];
    const isOpen = state === CONNECTION_ESTABLISHED || state === CONNECTION_CLOSING;
    if (!isOpen || connections.remoteCid[row] !== localCid) {
      connections.tallies.notEstablished[row]!++;
      counters.notEstablished++;
      return;
    }
    if (state === CONNECTION_CLOSING) {
      this.finish(row);
      return;
    }
    counters.connectionsClosed++;
    this.notices.say(this.closeOf(row, reason));
    this.finish(row);
    connections.reason[row] = reason;
    connections.lastHeard[row] = now;
    if ((connections.recalled[row]?.frames ?? 0) > 0) this.handshake.request(now, row);
  }

  private say(now: number, row: number): void {
    const { connections } = this.context;
    const attempt = connections.attempts[row]!++;
    connections.requestDue[row] = now + WAIT_MICROS[attempt]!;
    this.notices.say(this.closeOf(row, connections.reason[row]!));
  }

  private closeOf(row: number, reason: number) {
    const { connections, paths } = this.context;
    const localCid = connections.localCid[row]!;
    const peer = connections.peer[row]!;
    return {
      type: PACKET_CLOSE,
      version: connections.version[row]!,
      peer,
      vni: connections.vni[row]!,
      slot: paths.next(peer, (localCid + connections.attempts[row]!) % SLOTS),
      localCid,
      destinationCid: connections.remoteCid[row]!,
      reason,
    } as const;
  }
}
