// When a port is bad, and when it is good again (ZooRoute §8). One lost probe proves nothing: it makes the port suspect, another is
// sent at once, and only if both are lost, or three of the last five, the port is left. Two things are ours:
//
// - A loss counts against the port only when the peer says of a later probe that it arrived, and of this one that it did not.
//   If it did, only the answer was lost, which is a matter of the peer's own ports. Otherwise a peer that sleeps for a
//   moment would cost all ports at once, and one bad way back good ports on the way there.
// - Ports that share a route fail together: where one port has just been left, another that lost the probe of the same
//   round is left without a second loss.
//
//   unknown, healthy ──lost──▶ suspect ──lost again, 3 of 5, with others──▶ bad ──five answers, five seconds──▶ resting
//   suspect ──answered──▶ healthy                                    resting ──rankings reset──▶ healthy

import type { Columns } from '../../base/columns.ts';
import { serialLess } from '../../base/serial.ts';
import { areBad, remember } from '../last-five.ts';
import type { RerouteReason } from './core.ts';
import { MAX_PORTS } from './fast-select.ts';
import type { JUDGED_PEER, JUDGED_PORT } from './judged-columns.ts';
import { PORT_BAD, PORT_HEALTHY, PORT_RESTING, PORT_SUSPECT, PORT_UNKNOWN, peerOf } from './slow-table.ts';

const TWO = 2;
const ANSWERS_TO_REST = 5;
const BAD_AT_LEAST_MICROS = 5_000_000;
/** Losses of one cause show within so long. */
const TOGETHER_MICROS = 2_000_000;
const QUIET_MICROS = 1_000_000;
const SMOOTHING = 1 / 8;

/** Who acts on verdicts; `at` is the index of a port. */
export interface Verdicts {
  suspected(now: number, at: number): void;
  left(now: number, at: number, reason: RerouteReason): void;
  /** It answers again, and rests. */
  recovered(now: number, at: number): void;
  silent(now: number, peer: number, isSilent: boolean): void;
}

/** What it judges by and decides: the slow table's, or that of the candidates of an agent's slots. */
export interface JudgedTable {
  readonly peers: Columns<typeof JUDGED_PEER>;
  readonly ports: Columns<typeof JUDGED_PORT>;
}

export class Judge {
  private readonly table: JudgedTable;
  private readonly verdicts: Verdicts;

  constructor(table: JudgedTable, verdicts: Verdicts) {
    this.table = table;
    this.verdicts = verdicts;
  }

  onAnswer(now: number, at: number, rttMicros: number): void {
    const { ports, peers } = this.table;
    const peer = peerOf(at);
    peers.heardAt[peer] = now;
    if (peers.isSilent[peer] === 1) this.setSilent(now, peer, false);
    ports.srtt[at] = smoothed(ports.srtt[at]!, rttMicros);
    peers.srtt[peer] = smoothed(peers.srtt[peer]!, rttMicros);
    this.succeed(now, at);
  }

  /**
   * A probe was not answered, or too late. `isArrived`: the peer received it. Returns false when it does not count
   * against the port.
   */
  onLoss(
    now: number,
    at: number,
    sequence: number,
    sentAt: number,
    isArrived: boolean,
    isSlow = false,
  ): boolean {
    const { ports } = this.table;
    if (isArrived) {
      this.succeed(now, at);
      return false;
    }
    ports.lost[at]!++;
    ports.failures[at] = remember(ports.failures[at]!, true);
    ports.failedInARow[at] = Math.min(255, ports.failedInARow[at]! + 1);
    ports.answeredInARow[at] = 0;
    ports.failureFreeSince[at] = now;
    ports.failedSequence[at] = sequence;
    ports.failedSentAt[at] = sentAt;
    ports.wasSlow[at] = isSlow ? 1 : 0;
    this.suspect(now, at);
    this.decide(now, at);
    return true;
  }

  /** The peer says what it received, up to `newest`: who is suspect is acquitted, or the loss is proved. */
  onReceipt(now: number, peer: number, newest: number, isReceived: (sequence: number) => boolean): void {
    const { ports, peers } = this.table;
    if (peers.hasTold[peer] === 0 || serialLess(peers.toldUpTo[peer]!, newest)) peers.toldUpTo[peer] = newest;
    peers.hasTold[peer] = 1;
    if (peers.suspects[peer] === 0) return;
    for (let at = peer * MAX_PORTS; at < (peer + 1) * MAX_PORTS; at++) {
      if (ports.state[at] !== PORT_SUSPECT) continue;
      if (ports.wasSlow[at] === 1 || !isReceived(ports.failedSequence[at]!)) {
        this.decide(now, at);
        continue;
      }
      ports.failures[at] = ports.failures[at]! & ~1;
      this.succeed(now, at);
    }
  }

  /** What was sent on the port was lost too often: that is as good as probes. */
  condemn(now: number, at: number): void {
    const { ports } = this.table;
    ports.failureFreeSince[at] = now;
    ports.answeredInARow[at] = 0;
    if (ports.state[at] !== PORT_BAD) this.leave(now, at, 'three-of-five');
  }

  /** Once a second: a peer of which nothing at all is heard has no better and worse ports. */
  onRound(now: number, peer: number): void {
    const { peers } = this.table;
    const isQuiet = peers.suspects[peer]! > 0 && now - peers.heardAt[peer]! > QUIET_MICROS;
    if (isQuiet && peers.isSilent[peer] === 0) this.setSilent(now, peer, true);
  }

  private succeed(now: number, at: number): void {
    const { ports } = this.table;
    ports.failures[at] = remember(ports.failures[at]!, false);
    ports.failedInARow[at] = 0;
    ports.answeredInARow[at] = Math.min(255, ports.answeredInARow[at]! + 1);
    if (ports.failureFreeSince[at] === 0) ports.failureFreeSince[at] = now;
    switch (ports.state[at]) {
      case PORT_SUSPECT:
        this.table.peers.suspects[peerOf(at)]!--;
        ports.state[at] = PORT_HEALTHY;
        break;
      case PORT_UNKNOWN:
        ports.state[at] = PORT_HEALTHY;
        break;
      case PORT_BAD:
        if (ports.answeredInARow[at]! < ANSWERS_TO_REST) break;
        if (now - ports.failureFreeSince[at]! < BAD_AT_LEAST_MICROS) break;
        ports.state[at] = PORT_RESTING;
        this.verdicts.recovered(now, at);
    }
  }

  private suspect(now: number, at: number): void {
    const { ports, peers } = this.table;
    const state = ports.state[at];
    if (state !== PORT_UNKNOWN && state !== PORT_HEALTHY) return;
    ports.state[at] = PORT_SUSPECT;
    peers.suspects[peerOf(at)]!++;
    this.verdicts.suspected(now, at);
  }

  private decide(now: number, at: number): void {
    const { ports, peers } = this.table;
    if (ports.state[at] === PORT_BAD || !this.isProved(at)) return;
    const peer = peerOf(at);
    const isSlow = ports.wasSlow[at] === 1;
    if (ports.failedInARow[at]! >= TWO) this.leave(now, at, isSlow ? 'too-slow' : 'two-in-a-row');
    else if (areBad(ports.failures[at]!)) this.leave(now, at, 'three-of-five');
    else if (now - peers.confirmedAt[peer]! <= TOGETHER_MICROS && this.isOfRound(peer, at))
      this.leave(now, at, 'with-others');
  }

  /** Whether the peer told of a later probe than the one that failed. */
  private isProved(at: number): boolean {
    const { ports, peers } = this.table;
    const peer = peerOf(at);
    if (ports.wasSlow[at] === 1) return true;
    return peers.hasTold[peer] === 1 && serialLess(ports.failedSequence[at]!, peers.toldUpTo[peer]!);
  }

  private leave(now: number, at: number, reason: RerouteReason): void {
    const { ports, peers } = this.table;
    const peer = peerOf(at);
    const wasUsable = ports.state[at] !== PORT_RESTING;
    if (ports.state[at] === PORT_SUSPECT) peers.suspects[peer]!--;
    ports.state[at] = PORT_BAD;
    if (!wasUsable) return;
    this.verdicts.left(now, at, reason);
    if (reason === 'with-others') return;
    peers.confirmedAt[peer] = now;
    if (peers.suspects[peer] === 0) return;
    for (let other = peer * MAX_PORTS; other < (peer + 1) * MAX_PORTS; other++) {
      if (ports.state[other] === PORT_SUSPECT && this.isOfRound(peer, other) && this.isProved(other))
        this.leave(now, other, 'with-others');
    }
  }

  /** Whether the probe that failed last was sent when all ports were asked at once, or while a port was being left. */
  private isOfRound(peer: number, at: number): boolean {
    const { ports, peers } = this.table;
    const sentAt = ports.failedSentAt[at]!;
    const latest = Math.max(peers.burstAt[peer]!, peers.confirmedAt[peer]!) + TOGETHER_MICROS;
    return peers.burstAt[peer]! > 0 && sentAt >= peers.burstAt[peer]! && sentAt <= latest;
  }

  private setSilent(now: number, peer: number, isSilent: boolean): void {
    this.table.peers.isSilent[peer] = isSilent ? 1 : 0;
    this.verdicts.silent(now, peer, isSilent);
  }
}

function smoothed(before: number, sample: number): number {
  return before === 0 ? sample : before + (sample - before) * SMOOTHING;
}
