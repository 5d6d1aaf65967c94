// Probes: those that slots need to be judged (paths/), those that a doubtful request or a long rest causes (handshake,
// keepalive), and answers to the peer's. They need no windows: a connection at rest stays at rest.

import type { Outbox } from '../packet/outbox.ts';
import { SLOTS } from '../paths/path-table.ts';
import type { DataHeaderView } from '../wire/bifrost-data.ts';
import type { Acknowledger } from './acknowledger.ts';
import { CONNECTION_ESTABLISHED } from './connections.ts';
import type { Sender } from './sender.ts';
import type { TransportContext } from './types.ts';

export interface ReceivedProbe {
  readonly row: number;
  readonly slot: number;
  readonly psn: number;
  readonly echo: number;
  readonly arrivedAt: number;
  readonly hops: number;
}

/** Probes answered in one turn: probing is rare, and more of it is somebody's flood. */
const MAX_PROBES = 64;

export class Prober {
  private readonly context: TransportContext;
  private readonly sender: Sender;
  private readonly acknowledger: Acknowledger;
  private readonly received: ReceivedProbe[];

  constructor(
    context: TransportContext,
    sender: Sender,
    acknowledger: Acknowledger,
    old: readonly ReceivedProbe[] = [],
  ) {
    this.context = context;
    this.sender = sender;
    this.acknowledger = acknowledger;
    this.received = [...old];
  }

  /** Those that are not answered yet. */
  save(): readonly ReceivedProbe[] {
    return this.received;
  }

  onProbe(
    row: number,
    { pathId: slot, psn, timestampMicros: echo }: DataHeaderView,
    arrivedAt: number,
    hops: number,
  ): void {
    if (this.received.length < MAX_PROBES) this.received.push({ row, slot, psn, echo, arrivedAt, hops });
  }

  /** Answers, challenges, and asks after the slots that are due. */
  transmit(now: number, challenges: Set<number>, out: Outbox): void {
    const { connections, paths } = this.context;
    for (const { row, slot, psn, echo, arrivedAt, hops } of this.received) {
      if (connections.state[row] !== CONNECTION_ESTABLISHED) continue;
      this.acknowledger.answerProbe(now, row, slot, psn, echo, arrivedAt, hops, out);
    }
    this.received.length = 0;
    paths.probe(now, (peer, slot) => this.probePeer(now, peer, slot, out));
    // One that cannot be sent now is left out: the peer that means its request repeats it.
    for (const row of challenges) this.challenge(now, row, out);
    challenges.clear();
  }

  private challenge(now: number, row: number, out: Outbox): void {
    const { connections, paths, rng } = this.context;
    if (connections.state[row] !== CONNECTION_ESTABLISHED || out.room === 0) return;
    this.sender.probe(now, row, paths.next(connections.peer[row]!, rng.u32() % SLOTS), out);
  }

  /** By any connection that leads there. */
  private probePeer(now: number, peer: number, slot: number, out: Outbox): boolean {
    const { connections } = this.context;
    if (out.room === 0) return false;
    for (let row = 0; row < connections.count; row++) {
      if (connections.peer[row] !== peer || connections.state[row] !== CONNECTION_ESTABLISHED) continue;
      this.sender.probe(now, row, slot, out);
      return true;
    }
    return false;
  }
}
