// Connections at rest (the flag `se` of BIFROST §C.1, keepalive): asked now and then by a probe whether the peer still
// has them. One that was restarted answers with a reset, and the connection is opened anew before the next packet needs
// it (BIFROST §7.2); one that is gone does not answer, and its connection is closed. One that nobody used for long is
// closed in good order.
//
// Both ends ask, at times of their own: whoever is asked need not ask. However many connections there are, there are no
// more than ten questions a second.

import { CLOSE_IDLE } from '../wire/bifrost-connect.ts';
import { CONNECTION_CLOSED } from './connections.ts';
import type { Handshake } from './handshake.ts';
import type { Teardown } from './teardown.ts';
import type { TransportContext } from './types.ts';

export const KEEPALIVE_MICROS = 30_000_000;
/** Times are spread by so much of the interval, both ways. */
const JITTER = 0.25;
/** How much longer the interval is for each connection, once they are many. */
const MICROS_A_CONNECTION = 100_000;
/** Unanswered questions, the first wait of which is this, each next one's twice as long: 31 s. */
const MAX_QUESTIONS = 5;
const FIRST_WAIT_MICROS = 1_000_000;
/** A connection that carried no frame for so long is closed. */
export const IDLE_MICROS = 600_000_000;

export class Keepalive {
  private readonly context: TransportContext;
  private readonly handshake: Handshake;
  private readonly teardown: Teardown;

  constructor(context: TransportContext, handshake: Handshake, teardown: Teardown) {
    this.context = context;
    this.handshake = handshake;
    this.teardown = teardown;
  }

  /** For a row that is established, and whose time has come. */
  onTimer(now: number, row: number): void {
    const { connections, counters, rng } = this.context;
    const interval = Math.max(KEEPALIVE_MICROS, this.handshake.open * MICROS_A_CONNECTION);
    const send = connections.send[row];
    // With packets on their way, their own timeouts ask.
    const heardAt = send !== undefined && !send.isIdle ? now : connections.aliveAt[row]!;
    if (send === undefined && now - connections.usedAt[row]! >= IDLE_MICROS) {
      this.teardown.close(now, row, CLOSE_IDLE);
    } else if (now - heardAt < interval * (1 - JITTER)) {
      const spread = 1 - JITTER + (2 * JITTER * rng.u32()) / 0x1_0000_0000;
      connections.attempts[row] = 0;
      connections.requestDue[row] = heardAt + interval * spread;
    } else if (connections.attempts[row]! >= MAX_QUESTIONS) {
      counters.connectionsVanished++;
      this.handshake.forget(row);
      connections.state[row] = CONNECTION_CLOSED;
      connections.requestDue[row] = Number.POSITIVE_INFINITY;
    } else {
      this.handshake.challenges.add(row);
      connections.requestDue[row] = now + FIRST_WAIT_MICROS * 2 ** connections.attempts[row]!++;
    }
  }
}
