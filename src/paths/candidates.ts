// The source ports that a slot may be bound to, 32 a peer, of which slots use eight. While all is well, slots are all that is
// looked at: the transport does that. On an anomaly all candidates are asked at once, and then once a second each as long
// as it lasts (ZooRoute §4.1: partial and full mode); those that were left go on being asked, ever less often.
//
// A probe goes out by the candidate and names a slot that works, and the peer answers by its own slot of that number: so a
// probe that is lost speaks of the way there, and not of two ways. It counts only when something came by that slot meanwhile.
// What the probes say is judged as ZooRoute judges ports (reroute/judge.ts).

import { TimerWheel, type TimerWheelState } from '../base/timer-wheel.ts';
import { CandidateTable, type CandidateTableState, ROW_PORTS } from './candidate-table.ts';
import { CANDIDATES, type PathTable } from './path-table.ts';
import type { RerouteReason } from './reroute/core.ts';
import { Judge, type Verdicts } from './reroute/judge.ts';
import { PORT_BAD, PORT_HEALTHY, PORT_RESTING, PORT_UNKNOWN } from './reroute/slow-table.ts';
import { SwitchScore } from './reroute/switching-alarm.ts';
import { SLOT_HEALTHY } from './slot-health.ts';

const SECOND = 1_000_000;
/** Full mode lasts so long beyond the anomaly. */
const EPISODE_MICROS = 10 * SECOND;
const BURST_GAP_MICROS = 100_000;
const MAX_INTERVAL_MICROS = 64 * SECOND;
/** One a second for each candidate, and what may be saved up of that for bursts. */
const PROBES_PER_SECOND = CANDIDATES;
const SAVED_SECONDS = 3;
/** The place of a row's own timer among its candidates'. */
const ROUND = ROW_PORTS - 1;
const RANKING_MICROS = 1800 * SECOND;
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

/** Who decides what follows. */
export interface CandidateWatcher {
  /** Something else is known of a peer's candidates. */
  judged(now: number, peer: number): void;
  candidateLeft(now: number, peer: number, candidate: number, reason: RerouteReason): void;
  candidateBack(now: number, peer: number, candidate: number): void;
  modeChanged(now: number, peer: number, isFull: boolean): void;
  rankingsReset(now: number, peer: number): void;
  alarmEnded(now: number, peer: number): void;
  /** A slot of the peer still waits for a candidate. */
  isUnsettled(peer: number): boolean;
}

export interface CandidateCounters {
  candidateProbes: number;
  candidateAnswers: number;
  /** Answers to nothing that was asked: too late, repeated, or made up. */
  strayAnswers: number;
}

export interface CandidatesState {
  readonly table: CandidateTableState;
  readonly timers: TimerWheelState;
  readonly counters: CandidateCounters;
}

export class Candidates implements Verdicts {
  readonly counters: CandidateCounters;
  watcher!: CandidateWatcher;
  private readonly table: CandidateTable;
  private readonly timers: TimerWheel;
  private readonly judge: Judge;
  private readonly scores: SwitchScore;
  private readonly paths: PathTable;
  private readonly hasPort: (candidate: number) => boolean;

  constructor(
    nowMicros: number,
    paths: PathTable,
    hasPort: (candidate: number) => boolean,
    old?: CandidatesState,
  ) {
    this.paths = paths;
    this.hasPort = hasPort;
    this.table = new CandidateTable(old?.table);
    this.timers = new TimerWheel(nowMicros, undefined, old?.timers);
    this.counters = old?.counters ?? { candidateProbes: 0, candidateAnswers: 0, strayAnswers: 0 };
    this.judge = new Judge(this.table, this);
    this.scores = new SwitchScore(this.table);
  }

  save(): CandidatesState {
    return { table: this.table.save(), timers: this.timers.save(), counters: this.counters };
  }

  /** A slot was left: all candidates are asked, but for those of slots that work. */
  look(now: number, peer: number, slot: number): void {
    const { paths, table } = this;
    const row = this.rowFor(now, peer);
    const { peers } = table;
    this.begin(now, row);
    this.ask(now, row, paths.candidateOf(peer, slot));
    if (peers.burstAt[row]! > 0 && now - peers.burstAt[row]! < BURST_GAP_MICROS) return;
    peers.burstAt[row] = now;
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      const user = paths.slotOf(peer, candidate);
      if (user < 0 || paths.stateOf(peer, user) !== SLOT_HEALTHY) this.ask(now, row, candidate);
    }
  }

  /** Whether there is such a source port. */
  exists(candidate: number): boolean {
    return this.hasPort(candidate);
  }

  /** PORT_…; unknown where nothing was ever asked. */
  stateOf(peer: number, candidate: number): number {
    const at = this.at(peer, candidate);
    return at < 0 ? PORT_UNKNOWN : this.table.ports.state[at]!;
  }

  /** One bit each. */
  badOf(peer: number): number {
    const row = this.table.find(peer);
    let bad = 0;
    if (row < 0) return bad;
    for (let candidate = 0; candidate < CANDIDATES; candidate++)
      if (this.table.ports.state[row * ROW_PORTS + candidate] === PORT_BAD) bad |= 1 << candidate;
    return bad;
  }

  /** When it last answered, and since when it has not failed; 0: never. */
  answeredMicros(peer: number, candidate: number): number {
    const at = this.at(peer, candidate);
    return at < 0 ? 0 : this.table.ports.answeredAt[at]!;
  }

  failureFreeSince(peer: number, candidate: number): number {
    const at = this.at(peer, candidate);
    return at < 0 ? 0 : this.table.ports.failureFreeSince[at]!;
  }

  rttMicros(peer: number, candidate: number): number {
    const at = this.at(peer, candidate);
    return at < 0 ? 0 : this.table.ports.srtt[at]!;
  }

  /** Probes sent, and those that were lost on the way there. */
  probesOf(peer: number, candidate: number): { readonly sent: number; readonly lost: number } {
    const at = this.at(peer, candidate);
    const { probes, lost } = this.table.ports;
    return at < 0 ? { sent: 0, lost: 0 } : { sent: probes[at]!, lost: lost[at]! };
  }

  isFull(peer: number): boolean {
    const row = this.table.find(peer);
    return row >= 0 && this.table.peers.isFull[row] === 1;
  }

  /** Slots that were bound to others for a fault, and since when that is too often; 0: it is not. */
  switchesOf(peer: number): { readonly count: number; readonly alarmSince: number } {
    const row = this.table.find(peer);
    const { switches, alarmSince } = this.table.peers;
    return row < 0 ? { count: 0, alarmSince: 0 } : { count: switches[row]!, alarmSince: alarmSince[row]! };
  }

  /** A slot was bound to another candidate for a fault. True when that is too often, for the first time. */
  onSwitch(now: number, peer: number): boolean {
    return this.scores.onSwitch(now, this.rowFor(now, peer));
  }

  /** Sends what is due, after all that came in was taken in: what is not answered by now is lost. */
  probe(now: number, send: SendProbe): void {
    this.timers.expire(now, (id) => {
      const row = Math.floor(id / ROW_PORTS);
      if (id % ROW_PORTS === ROUND) this.round(now, row);
      else if (this.table.ports.isOut[id] === 0 || this.isToAskAgain(now, row, id))
        this.send(now, row, id, send);
    });
  }

  /** Takes in the answer to a probe of a candidate. False when it is none: nothing follows from it. */
  onAnswer(now: number, peer: number, back: number, label: number, echoMicros: number): boolean {
    const row = this.table.find(peer);
    const at = row < 0 || label === 0 ? -1 : this.find(row, back, label, echoMicros);
    if (at < 0) {
      this.counters.strayAnswers++;
      return false;
    }
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
    this.paths.onHeard(peer, back, now);
    this.judge.onAnswer(now, at, now - sentAt);
    if (ports.isOut[at] === 0) this.askLater(now, row, at);
    this.watcher.judged(now, peer);
    return true;
  }

  nextTimeout(): number {
    return this.timers.nextTimeout();
  }

  suspected(): void {
    // The second probe follows in the same breath.
  }

  left(now: number, at: number, reason: RerouteReason): void {
    const peer = this.peerOf(at);
    this.watcher.candidateLeft(now, peer, at % ROW_PORTS, reason);
    this.watcher.judged(now, peer);
  }

  recovered(now: number, at: number): void {
    const peer = this.peerOf(at);
    this.watcher.candidateBack(now, peer, at % ROW_PORTS);
    this.watcher.judged(now, peer);
  }

  silent(): void {
    // What is not heard of at all is judged by no probe.
  }

  private peerOf(at: number): number {
    return this.table.peers.peer[Math.floor(at / ROW_PORTS)]!;
  }

  private at(peer: number, candidate: number): number {
    const row = this.table.find(peer);
    return row < 0 ? -1 : row * ROW_PORTS + candidate;
  }

  private rowFor(now: number, peer: number): number {
    const found = this.table.find(peer);
    if (found >= 0) return found;
    const row = this.table.add(peer);
    const { peers } = this.table;
    peers.rankedAt[row] = now;
    peers.tokens[row] = PROBES_PER_SECOND * SAVED_SECONDS;
    peers.tokensAt[row] = now;
    peers.hasTold[row] = 1;
    peers.toldUpTo[row] = PROVED + 1;
    return row;
  }

  private begin(now: number, row: number): void {
    const { peers } = this.table;
    peers.episodeEnds[row] = now + EPISODE_MICROS;
    this.timers.set(row * ROW_PORTS + ROUND, now + SECOND);
    if (peers.isFull[row] === 1) return;
    peers.isFull[row] = 1;
    this.watcher.modeChanged(now, peers.peer[row]!, true);
  }

  private ask(now: number, row: number, candidate: number): void {
    const at = row * ROW_PORTS + candidate;
    if (this.table.ports.isOut[at] === 0 && this.hasPort(candidate)) this.timers.set(at, now);
  }

  /** The newest probe was not answered in time. */
  private isToAskAgain(now: number, row: number, at: number): boolean {
    const { ports, peers } = this.table;
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

  private send(now: number, row: number, at: number, send: SendProbe): void {
    const { paths, table } = this;
    const { ports, peers } = table;
    const peer = peers.peer[row]!;
    const candidate = at % ROW_PORTS;
    const user = paths.slotOf(peer, candidate);
    if (user >= 0 && paths.stateOf(peer, user) === SLOT_HEALTHY) {
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
    const timeout = Math.max(paths.firstTimeoutMicros(peer), paths.timeoutMicros(peer, back));
    this.timers.set(at, now + timeout);
  }

  /**
   * The slot by which a probe is to be answered: the one that was heard of last, or another when nothing could be said of the
   * probe before. Where nothing else comes by it, it is asked too: then it is known whether an answer would have come.
   */
  private wayBack(now: number, row: number, at: number): number {
    const { paths, table } = this;
    const peer = table.peers.peer[row]!;
    const last = table.ports.back[at]!;
    const back = table.ports.unclear[at]! > 0 ? paths.next(peer, last, last) : paths.latestHeard(peer);
    if (now - paths.heardMicros(peer, back) > SILENT_MICROS) paths.doubt(peer, back, now);
    return back;
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

  /** Once a second in full mode, and twice a minute else. */
  private round(now: number, row: number): void {
    const { peers } = this.table;
    const peer = peers.peer[row]!;
    const wasAlarming = peers.alarmSince[row]! > 0;
    this.scores.onRound(now, row);
    if (wasAlarming && peers.alarmSince[row] === 0) this.watcher.alarmEnded(now, peer);
    if (this.watcher.isUnsettled(peer))
      peers.episodeEnds[row] = Math.max(peers.episodeEnds[row]!, now + SECOND);
    if (peers.isFull[row] === 1 && now >= peers.episodeEnds[row]!) {
      peers.isFull[row] = 0;
      this.watcher.modeChanged(now, peer, false);
    }
    if (now - peers.rankedAt[row]! > RANKING_MICROS && this.resetRankings(now, row)) return;
    this.timers.set(row * ROW_PORTS + ROUND, now + (peers.isFull[row] === 1 ? SECOND : 30 * SECOND));
  }

  /** Candidates that work are alike again (ZooRoute §8). True when nothing is left to know of the peer. */
  private resetRankings(now: number, row: number): boolean {
    const { peers, ports } = this.table;
    peers.rankedAt[row] = now;
    let bad = 0;
    for (let at = row * ROW_PORTS; at < row * ROW_PORTS + CANDIDATES; at++) {
      if (ports.state[at] === PORT_RESTING) ports.state[at] = PORT_HEALTHY;
      if (ports.state[at] === PORT_HEALTHY) ports.failureFreeSince[at] = now;
      if (ports.state[at] === PORT_BAD) bad++;
    }
    this.watcher.rankingsReset(now, peers.peer[row]!);
    if (bad > 0 || peers.isFull[row] === 1 || peers.alarmSince[row]! > 0) return false;
    for (let id = row * ROW_PORTS; id < (row + 1) * ROW_PORTS; id++) this.timers.cancel(id);
    this.table.remove(row);
    return true;
  }
}
