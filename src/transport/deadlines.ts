// When each connection is due again, one timer a row, and what is done then: by what governs the state it is in, and,
// where packets are in flight, by loss detection.

import { CONNECTION_CLOSING, CONNECTION_ESTABLISHED } from './connections.ts';
import type { Handshake } from './handshake.ts';
import type { Keepalive } from './keepalive.ts';
import type { LossDetector } from './loss.ts';
import type { RowSet } from './row-set.ts';
import type { Teardown } from './teardown.ts';
import type { TransportContext } from './types.ts';

/** A peer with packets of ours that says nothing for so long is asked for a new connection (BIFROST §7.2). */
const SILENCE_MICROS = 3_000_000;

/** What acts in each state. */
export interface DeadlineTargets {
  readonly losses: LossDetector;
  readonly handshake: Handshake;
  readonly teardown: Teardown;
  readonly keepalive: Keepalive;
}

export class Deadlines {
  private readonly context: TransportContext;
  private readonly losses: LossDetector;
  private readonly handshake: Handshake;
  private readonly teardown: Teardown;
  private readonly keepalive: Keepalive;
  private readonly ready: RowSet;

  /** Rows that may have something to transmit get into `ready`. */
  constructor(context: TransportContext, targets: DeadlineTargets, ready: RowSet) {
    this.context = context;
    this.losses = targets.losses;
    this.handshake = targets.handshake;
    this.teardown = targets.teardown;
    this.keepalive = targets.keepalive;
    this.ready = ready;
  }

  /** Sets the timer of a row anew, after anything that may have changed when it is due. */
  arm(row: number): void {
    const { connections, timers } = this.context;
    let due = connections.requestDue[row]!;
    const receive = connections.receive[row];
    if (receive !== undefined) due = Math.min(due, this.losses.nextTimeout(row), receive.ackDue);
    if (due === Number.POSITIVE_INFINITY) timers.cancel(row);
    else timers.set(row, due);
  }

  /** Acts on all that is overdue. */
  expire(now: number): void {
    this.context.timers.expire(now, (row) => this.onTimer(now, row));
  }

  private onTimer(now: number, row: number): void {
    const { connections } = this.context;
    if (connections.requestDue[row]! <= now) this.onRowDue(now, row);
    if (connections.awakenRecalled(row)) {
      const owes = this.losses.onTimer(now, row);
      const owedSince = Math.max(connections.lastHeard[row]!, connections.send[row]!.owedSince);
      if (owes && now - owedSince > SILENCE_MICROS) this.handshake.restart(now, row);
      this.ready.add(row);
    }
    this.arm(row);
  }

  private onRowDue(now: number, row: number): void {
    switch (this.context.connections.state[row]) {
      case CONNECTION_ESTABLISHED:
        this.keepalive.onTimer(now, row);
        return;
      case CONNECTION_CLOSING:
        this.teardown.onTimer(now, row);
        return;
      default:
        this.handshake.onTimer(now, row);
    }
  }
}
