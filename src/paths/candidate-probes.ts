// The probes of candidates: a token bucket lets one a second for each go out, and bursts after a while without. A probe goes out by
// the candidate and names a slot that works, and the peer answers by its own slot of that number: so a probe that is lost
// speaks of the way there, and not of two ways. It counts only when something came by that slot meanwhile.

import type { TimerWheel } from '../base/timer-wheel.ts';
import { type CandidateTable, ROW_PORTS } from './candidate-table.ts';
import { CANDIDATES, type PathTable, SLOTS } from './path-table.ts';
import type { Judge } from './reroute/judge.ts';
import { PORT_BAD } from './reroute/slow-table.ts';
import { ACK_DELAY_MICROS } from './round-trips.ts';
import { SLOT_HEALTHY } from './slot-health.ts';

const SECOND = 1_000_000;
const MAX_INTERVAL_MICROS = 64 * SECOND;
/** One a second for each candidate, and what may be saved up of that for bursts. */
const PROBES_PER_SECOND = CANDIDATES;
const SAVED_SECONDS = 3;
/** Further probes at once, by other ways back, when nothing can be said of one. */
const UNCLEAR_AT_ONCE = 4;

/** No connection leads there; or the turn's room is used up. */
export const NOT_SENT = -1;
export const NO_ROOM = -2;
const NO_ROOM_MICROS = 500;
/** Sequence number of a lost probe, for the judge: what a way back in use did not bring was proved lost. */
const PROVED = 0;
/** A slot in use is heard of more often. */
const SILENT_MICROS = 500;

/** Sends a probe by a candidate, to be answered by the peer's slot `back`; what its answer will bear, or why it was not sent. */
export type SendProbe = (peer: number, candidate: number, back: number) => number;

export interface CandidateCounters {
  candidateProbes: number;
  candidateAnswers: number;
  /** Answers to nothing that was asked: too late, repeated, or made up. */
  strayAnswers: number;
}

export class CandidateProbes {
  private readonly counters: CandidateCounters;
  private readonly paths: PathTable;
  private readonly table: CandidateTable;
  private readonly timers: TimerWheel;
  private readonly judge: Judge;
  private readonly hasPort: (candidate: number) => boolean;

  /** Timers of a row's candidates are theirs alone. */
  constructor(
    paths: PathTable,
    table: CandidateTable,
    timers: TimerWheel,
    judge: Judge,
    hasPort: (candidate: number) => boolean,
    counters: CandidateCounters,
  ) {
    this.paths = paths;
    this.table = table;
    this.timers = timers;
    this.judge = judge;
    this.hasPort = hasPort;
    this.counters = counters;
  }

  /** A row is new. */
  began(now: number, row: number): void {
    const { peers } = this.table;
    peers.tokens[row] = PROBES_PER_SECOND * SAVED_SECONDS;
    peers.tokensAt[row] = now;
    peers.hasTold[row] = 1;
    peers.toldUpTo[row] = PROVED + 1;
  }

  /** All are about to be asked: that must not wait because full mode asks as often as it may, but not again so soon. */
  grantBurst(now: number, row: number): void {
    const { peers } = this.table;
    if (peers.grantedAt[row]! > 0 && now - peers.grantedAt[row]! < SECOND) return;
    peers.grantedAt[row] = now;
    peers.tokens[row] = PROBES_PER_SECOND * SAVED_SECONDS;
    peers.tokensAt[row] = now;
  }

  /** A candidate is due. */
  probe(now: number, at: number, send: SendProbe): void {
    if (this.table.ports.isOut[at] === 0 || this.isToAskAgain(now, at)) this.send(now, at, send);
  }

  /** Takes in an answer. False when it is one to nothing that was asked. */
  onAnswer(now: number, row: number, back: number, label: number, echoMicros: number): boolean {
    const at = label === 0 ? -1 : this.find(row, back, label, echoMicros);
    if (at < 0) return false;
    const { ports } = this.table;
    const isNewest = ports.label[at] === label;
    const sentAt = isNewest ? ports.sentAt[at]! : ports.sentBefore[at]!;
    if (isNewest) {
      ports.label[at] = 0;
      ports.isOut[at] = 0;
    } else ports.labelBefore[at] = 0;
    ports.answeredAt[at] = now;
    ports.unclear[at] = 0;
    ports.interval[at] = SECOND;
    this.counters.candidateAnswers++;
    this.paths.onHeard(this.table.peers.peer[row]!, back, now);
    const rtt = now - sentAt;
    ports.leastRtt[at] = ports.measured[at] === 0 ? rtt : Math.min(ports.leastRtt[at]!, rtt);
    ports.measured[at] = Math.min(255, ports.measured[at]! + 1);
    this.judge.onAnswer(now, at, rtt);
    if (ports.isOut[at] === 0) this.askLater(now, row, at);
    return true;
  }

  /** Has a candidate asked at `dueMicros`, unless it is being asked. */
  ask(dueMicros: number, row: number, candidate: number): void {
    const at = row * ROW_PORTS + candidate;
    if (this.table.ports.isOut[at] === 0 && this.hasPort(candidate)) this.timers.set(at, dueMicros);
  }

  /** The newest probe was not answered in time. */
  private isToAskAgain(now: number, at: number): boolean {
    const { ports, peers } = this.table;
    const row = Math.floor(at / ROW_PORTS);
    ports.isOut[at] = 0;
    const heard = this.paths.heardMicros(peers.peer[row]!, ports.back[at]!);
    if (heard < ports.sentAt[at]!) {
      // The way back may be the one that is dead, or the peer asleep.
      const unclear = Math.min(255, ++ports.unclear[at]!);
      if (unclear <= UNCLEAR_AT_ONCE) return true;
      this.timers.set(at, now + this.backOff(at));
      return false;
    }
    ports.unclear[at] = 0;
    peers.heardAt[row] = heard;
    this.judge.onLoss(now, at, PROVED, ports.sentAt[at]!, false);
    if (ports.state[at] !== PORT_BAD) return true;
    this.timers.set(at, now + this.backOff(at));
    return false;
  }

  private backOff(at: number): number {
    const { interval } = this.table.ports;
    interval[at] = Math.min(MAX_INTERVAL_MICROS, Math.max(SECOND, interval[at]! * 2));
    return interval[at]!;
  }

  private send(now: number, at: number, send: SendProbe): void {
    const { paths, table } = this;
    const { ports, peers } = table;
    const row = Math.floor(at / ROW_PORTS);
    const peer = peers.peer[row]!;
    const candidate = at % ROW_PORTS;
    const user = paths.slotOf(peer, candidate);
    if (user >= 0 && paths.stateOf(peer, user) === SLOT_HEALTHY && !paths.isSlow(peer, user)) {
      // What comes back by its slot says as much as an answer.
      this.judge.onAnswer(now, at, paths.rttMicros(peer, user));
      this.askLater(now, row, at);
      return;
    }
    if (!this.hasToken(now, row)) {
      this.timers.set(at, now + SECOND / PROBES_PER_SECOND);
      return;
    }
    const back = this.wayBack(now, row, at);
    const label = send(peer, candidate, back);
    if (label < 0) {
      this.timers.set(at, now + (label === NO_ROOM ? NO_ROOM_MICROS : this.backOff(at)));
      return;
    }
    peers.tokens[row]!--;
    ports.labelBefore[at] = ports.label[at]!;
    ports.sentBefore[at] = ports.sentAt[at]!;
    ports.backBefore[at] = ports.back[at]!;
    ports.label[at] = label;
    ports.sentAt[at] = now;
    ports.back[at] = back;
    ports.isOut[at] = 1;
    ports.probes[at]!++;
    this.counters.candidateProbes++;
    this.timers.set(at, now + this.timeoutMicros(peer, at, back));
  }

  /** A probe may take a route that is known to be slow: it is not lost before that is over. */
  private timeoutMicros(peer: number, at: number, back: number): number {
    const { paths } = this;
    return Math.max(
      paths.firstTimeoutMicros(peer),
      paths.timeoutMicros(peer, back),
      paths.slowTimeoutMicros(peer),
      2 * this.table.ports.srtt[at]! + ACK_DELAY_MICROS,
    );
  }

  /**
   * The slot by which a probe is to be answered: the one that was heard of last, if that says that it works still. If not,
   * as when all slots fail at once, each candidate tries others: one pair that works tells all of them of a way back. Where
   * nothing else comes by it, it is asked too: then it is known whether an answer would have come.
   */
  private wayBack(now: number, row: number, at: number): number {
    const { paths, table } = this;
    const { unclear, sentAt } = table.ports;
    const peer = table.peers.peer[row]!;
    const latest = paths.latestHeard(peer);
    const since = unclear[at]! > 0 ? sentAt[at]! : now - paths.timeoutMicros(peer, latest);
    const isAlive = paths.heardMicros(peer, latest) >= since;
    const back = isAlive ? latest : this.fastFrom(peer, (at % ROW_PORTS) + unclear[at]!);
    if (now - paths.heardMicros(peer, back) > SILENT_MICROS) paths.doubt(peer, back, now);
    return back;
  }

  /** The first slot in turn that is not slow: few are. */
  private fastFrom(peer: number, first: number): number {
    let slot = first % SLOTS;
    for (let i = 1; i < SLOTS && this.paths.isSlowForLong(peer, slot); i++) slot = (first + i) % SLOTS;
    return slot;
  }

  private hasToken(now: number, row: number): boolean {
    const { tokens, tokensAt } = this.table.peers;
    const filled = tokens[row]! + ((now - tokensAt[row]!) / SECOND) * PROBES_PER_SECOND;
    tokens[row] = Math.min(PROBES_PER_SECOND * SAVED_SECONDS, filled);
    tokensAt[row] = now;
    return tokens[row]! >= 1;
  }

  /** After an answer: in full mode once a second, and what was left until it may be used again. */
  private askLater(now: number, row: number, at: number): void {
    const isNeeded = this.table.peers.isFull[row] === 1 || this.table.ports.state[at] === PORT_BAD;
    if (isNeeded) this.timers.set(at, now + SECOND);
    else this.timers.cancel(at);
  }

  /** The candidate that was sent this as its newest probe or the one before, or -1. */
  private find(row: number, back: number, label: number, echoMicros: number): number {
    const { ports } = this.table;
    for (let at = row * ROW_PORTS; at < row * ROW_PORTS + CANDIDATES; at++) {
      if (ports.label[at] === label && ports.back[at] === back && ports.sentAt[at]! >>> 0 === echoMicros)
        return at;
      if (ports.labelBefore[at] !== label || ports.backBefore[at] !== back) continue;
      if (ports.sentBefore[at]! >>> 0 === echoMicros) return at;
    }
    return -1;
  }
}
