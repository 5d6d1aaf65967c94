// Probes: those that slots and candidates need to be judged (paths/), those that a doubtful request or a long rest causes
// (handshake, keepalive), and answers to the peer's. They need no windows: a connection at rest stays at rest.
//
// A candidate's probe names the slot by which it is to be answered (paths/candidate-probes.ts). Its PSN is its label: half the
// sequence away from the connection's, and random, so that its answer can neither be taken for a slot's nor be guessed.
// It is the same packet to the peer, whatever its version.

import { serialDiff } from '../base/serial.ts';
import type { Outbox } from '../packet/outbox.ts';
import { NO_ROOM, NOT_SENT } from '../paths/candidate-probes.ts';
import { SLOTS } from '../paths/path-table.ts';
import type { DataHeaderView } from '../wire/bifrost-data.ts';
import type { Acknowledger } from './acknowledger.ts';
import { CONNECTION_ESTABLISHED } from './connections.ts';
import type { Sender } from './sender.ts';
import { MAX_AGE_PACKETS, type TransportContext } from './types.ts';

export interface ReceivedProbe {
  readonly row: number;
  readonly slot: number;
  readonly psn: number;
  readonly echo: number;
  readonly arrivedAt: number;
  readonly hops: number;
}

/** Labels of candidates' probes: so far from the next PSN, and as much again at random. */
const FAR_PACKETS = MAX_AGE_PACKETS + 2 ** 29;
const LABEL_SHIFT = 2;

/** Whether a probe's answer bears a label that is no slot's. */
export function isFarLabel(label: number, nextPsn: number): boolean {
  return Math.abs(serialDiff(label, nextPsn)) > MAX_AGE_PACKETS;
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
    const { connections, paths } = this.context;
    if (!isFarLabel(psn, connections.basePsn(row))) paths.onAsked(connections.peer[row]!, slot, arrivedAt);
    if (this.received.length < MAX_PROBES) this.received.push({ row, slot, psn, echo, arrivedAt, hops });
  }

  /** Answers, challenges, and asks after the slots that are due. */
  transmit(now: number, challenges: Set<number>, out: Outbox): void {
    const { connections, paths, candidates } = this.context;
    for (const { row, slot, psn, echo, arrivedAt, hops } of this.received) {
      if (connections.state[row] !== CONNECTION_ESTABLISHED) continue;
      this.acknowledger.answerProbe(now, row, slot, psn, echo, arrivedAt, hops, out);
    }
    this.received.length = 0;
    paths.probe(now, (peer, slot) => this.probePeer(now, peer, slot, out));
    candidates?.probe(now, (peer, candidate, back) => this.probeCandidate(now, peer, candidate, back, out));
    // One that cannot be sent now is left out: the peer that means its request repeats it.
    for (const row of challenges) this.challenge(now, row, out);
    challenges.clear();
  }

  private challenge(now: number, row: number, out: Outbox): void {
    const { connections, paths, rng } = this.context;
    if (connections.state[row] !== CONNECTION_ESTABLISHED || out.room === 0) return;
    this.sender.probe(now, row, paths.next(connections.peer[row]!, rng.u32() % SLOTS), out);
  }

  private probePeer(now: number, peer: number, slot: number, out: Outbox): boolean {
    const row = this.rowTo(peer);
    if (out.room === 0 || row < 0) return false;
    this.sender.probe(now, row, slot, out);
    return true;
  }

  private probeCandidate(now: number, peer: number, candidate: number, back: number, out: Outbox): number {
    const row = this.rowTo(peer);
    if (row < 0) return NOT_SENT;
    if (out.room === 0) return NO_ROOM;
    const { connections, rng } = this.context;
    const away = FAR_PACKETS + (rng.u32() >>> LABEL_SHIFT);
    const label = (connections.nextPsn(row) + away) >>> 0 || 1;
    this.sender.probeCandidate(now, row, candidate, back, label, out);
    return label;
  }

  /** Any connection that leads there, or -1. */
  private rowTo(peer: number): number {
    const { connections } = this.context;
    for (let row = 0; row < connections.count; row++)
      if (connections.peer[row] === peer && connections.state[row] === CONNECTION_ESTABLISHED) return row;
    return -1;
  }
}
