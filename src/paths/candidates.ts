// The source ports that a slot may be bound to, 32 a peer, of which slots use eight. While all is well, slots are all that is
// looked at: the transport does that. On an anomaly all candidates are asked at once, and then once a second each as long
// as it lasts (ZooRoute §4.1: partial and full mode); those that were left go on being asked, ever less often.
// What the probes (candidate-probes.ts) say is judged as ZooRoute judges ports (reroute/judge.ts).

import { TimerWheel, type TimerWheelState } from '../base/timer-wheel.ts';
import { type CandidateCounters, CandidateProbes, type SendProbe } from './candidate-probes.ts';
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
/** The place of a row's own timer among its candidates'. */
const ROUND = ROW_PORTS - 1;
const RANKING_MICROS = 1800 * SECOND;
/** A candidate on a slow route is held so long. */
const HELD_MICROS = 1800 * SECOND;
/** Answers that a round trip is believed of. */
const LEAST_MEASURED = 3;
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
  private readonly probes: CandidateProbes;
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
    const { table, timers, counters, judge } = this;
    this.probes = new CandidateProbes(paths, table, timers, judge, hasPort, counters);
    this.scores = new SwitchScore(this.table);
  }

  save(): CandidatesState {
    return { table: this.table.save(), timers: this.timers.save(), counters: this.counters };
  }

  /** What all candidates take is measured anew: not all at once, since probes would wait for each other. */
  measure(now: number, peer: number): void {
    const row = this.rowFor(now, peer);
    this.begin(now, row);
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      this.table.ports.measured[row * ROW_PORTS + candidate] = 0;
      this.probes.ask(now + (candidate * SECOND) / CANDIDATES, row, candidate);
    }
  }

  /** The candidate is on a slow route: nothing is to move there for half an hour. */
  hold(now: number, peer: number, candidate: number): void {
    this.table.ports.slowAt[this.rowFor(now, peer) * ROW_PORTS + candidate] = now;
  }

  /** A slot was left: all candidates are asked, but for those of slots that work. */
  look(now: number, peer: number, slot: number): void {
    const { paths, table } = this;
    const row = this.rowFor(now, peer);
    const { peers } = table;
    this.begin(now, row);
    this.probes.ask(now, row, paths.candidateOf(peer, slot));
    if (peers.burstAt[row]! > 0 && now - peers.burstAt[row]! < BURST_GAP_MICROS) return;
    peers.burstAt[row] = now;
    this.probes.grantBurst(now, row);
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      const user = paths.slotOf(peer, candidate);
      if (user < 0 || paths.stateOf(peer, user) !== SLOT_HEALTHY) this.probes.ask(now, row, candidate);
    }
  }

  /** What was sent by the candidate was lost too often. */
  condemn(now: number, peer: number, candidate: number): void {
    this.judge.condemn(now, this.rowFor(now, peer) * ROW_PORTS + candidate);
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

  /** Whether it is held, since its route is slow. */
  isSlow(peer: number, candidate: number): boolean {
    const at = this.at(peer, candidate);
    return at >= 0 && this.table.ports.slowAt[at]! > 0;
  }

  /** Whether slots should not be moved there by who knows no more than routes. */
  isBad(peer: number, candidate: number): boolean {
    return this.stateOf(peer, candidate) === PORT_BAD || this.isSlow(peer, candidate);
  }

  /** Those that are bad, one bit each. */
  badOf(peer: number): number {
    let bad = 0;
    if (this.table.find(peer) < 0) return bad;
    for (let candidate = 0; candidate < CANDIDATES; candidate++)
      if (this.isBad(peer, candidate)) bad |= 1 << candidate;
    return bad;
  }

  /** Whether it answered, or was lost, since all were last asked at once: what was known before is of another fault. */
  answers(peer: number, candidate: number): boolean {
    const at = this.at(peer, candidate);
    if (at < 0 || this.table.ports.failedInARow[at]! > 0) return false;
    return this.table.ports.answeredAt[at]! >= this.table.peers.burstAt[Math.floor(at / ROW_PORTS)]!;
  }

  isLost(peer: number, candidate: number): boolean {
    const at = this.at(peer, candidate);
    if (at < 0 || this.table.ports.state[at] !== PORT_BAD) return false;
    return this.table.ports.failureFreeSince[at]! >= this.table.peers.burstAt[Math.floor(at / ROW_PORTS)]!;
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

  /** The least round trip of a probe, answered by a fast slot, since all were last measured; 0: too few were answered. */
  leastRttMicros(peer: number, candidate: number): number {
    const at = this.at(peer, candidate);
    const { measured, leastRtt } = this.table.ports;
    return at < 0 || measured[at]! < LEAST_MEASURED ? 0 : leastRtt[at]!;
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
      else this.probes.probe(now, id, send);
    });
  }

  /** Takes in the answer to a probe of a candidate. False when it is none: nothing follows from it. */
  onAnswer(now: number, peer: number, back: number, label: number, echoMicros: number): boolean {
    const row = this.table.find(peer);
    if (row < 0 || !this.probes.onAnswer(now, row, back, label, echoMicros)) {
      this.counters.strayAnswers++;
      return false;
    }
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
    this.probes.began(now, row);
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
    this.release(now, row);
    if (now - peers.rankedAt[row]! > RANKING_MICROS && this.resetRankings(now, row)) return;
    this.timers.set(row * ROW_PORTS + ROUND, now + (peers.isFull[row] === 1 ? SECOND : 30 * SECOND));
  }

  /** Those that were on slow routes long ago are like any other. */
  private release(now: number, row: number): void {
    const { slowAt } = this.table.ports;
    for (let at = row * ROW_PORTS; at < row * ROW_PORTS + CANDIDATES; at++)
      if (slowAt[at]! > 0 && now - slowAt[at]! >= HELD_MICROS) slowAt[at] = 0;
  }

  /** Candidates that work are alike again (ZooRoute §8). True when nothing is left to know of the peer. */
  private resetRankings(now: number, row: number): boolean {
    const { peers, ports } = this.table;
    peers.rankedAt[row] = now;
    let bad = 0;
    for (let at = row * ROW_PORTS; at < row * ROW_PORTS + CANDIDATES; at++) {
      if (ports.state[at] === PORT_RESTING) ports.state[at] = PORT_HEALTHY;
      if (ports.state[at] === PORT_HEALTHY) ports.failureFreeSince[at] = now;
      if (ports.state[at] === PORT_BAD || ports.slowAt[at]! > 0) bad++;
    }
    this.watcher.rankingsReset(now, peers.peer[row]!);
    if (bad > 0 || peers.isFull[row] === 1 || peers.alarmSince[row]! > 0) return false;
    for (let id = row * ROW_PORTS; id < (row + 1) * ROW_PORTS; id++) this.timers.cancel(id);
    this.table.remove(row);
    return true;
  }
}
