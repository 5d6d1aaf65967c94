// The life of a peer: met when traffic goes there, asked whether it speaks, probed while traffic goes on, released when it has
// ended (ZooRoute §4.1); and what follows from verdicts on its ports (ZooRoute §6, §8).

import { TimerWheel } from '../../base/timer-wheel.ts';
import type { HostAddress } from '../../wire/address.ts';
import type { RerouteCounter, RerouteEventName, RerouteReason } from './core.ts';
import type { CpuRule } from './cpu-rule.ts';
import type { EventLog } from './event-log.ts';
import { FORM_GROUPS, MAX_PORTS } from './fast-select.ts';
import type { FastTable } from './fast-table.ts';
import { Judge, type Verdicts } from './judge.ts';
import { Negotiator } from './negotiator.ts';
import { Prober } from './prober.ts';
import { Publisher } from './publisher.ts';
import { QuickPorts } from './quick-ports.ts';
import { type Manner, mannerOf, type Role, roleOf } from './roles.ts';
import { restorePorts, type SavedPeer } from './saved.ts';
import { PEER_PLAIN, PEER_SPEAKS, PORT_HEALTHY, PORT_RESTING, peerOf, type SlowTable } from './slow-table.ts';
import type { SwitchingAlarm } from './switching-alarm.ts';

const SECOND = 1_000_000;
/** Plain peers are remembered for longer, or each pause of their traffic would have them asked anew. */
const PLAIN_IDLE_MICROS = 600 * SECOND;
/** A peer that was silent for so long has stopped, as far as we can tell. */
const SILENT_MICROS = 60 * SECOND;
const RANKING_MICROS = 1800 * SECOND;

export interface CareOptions {
  readonly role: Role;
  readonly basePort: number;
  readonly idleMicros: number;
}

export class PeerCare implements Verdicts {
  readonly judge: Judge;
  readonly prober: Prober;
  readonly negotiator: Negotiator;
  private readonly table: SlowTable;
  private readonly fast: FastTable;
  private readonly log: EventLog;
  private readonly alarm: SwitchingAlarm;
  private readonly counters: Record<RerouteCounter, number>;
  private readonly options: CareOptions;
  private readonly manners: readonly Manner[];
  private readonly publisher: Publisher;
  private readonly quick: QuickPorts;
  private readonly rounds: TimerWheel;
  /** Peers whose entry in the fast table is to be looked at. */
  private readonly changed = new Set<number>();

  constructor(
    now: number,
    table: SlowTable,
    fast: FastTable,
    cpu: CpuRule,
    log: EventLog,
    alarm: SwitchingAlarm,
    counters: Record<RerouteCounter, number>,
    options: CareOptions,
  ) {
    this.table = table;
    this.fast = fast;
    this.log = log;
    this.alarm = alarm;
    this.counters = counters;
    this.options = options;
    this.manners = [0, 1, 2, 3].map((role) => mannerOf(options.role, roleOf(role)));
    this.judge = new Judge(table, this);
    this.negotiator = new Negotiator(table);
    this.prober = new Prober(
      now,
      table,
      cpu,
      (peer) => this.mannerOf(peer),
      (at, peer, isFull) => this.tellMode(at, peer, isFull),
    );
    this.publisher = new Publisher(table, fast, (at, port, why) => this.tellPort(at, port, 'port-back', why));
    this.quick = new QuickPorts(table, (at, port) => this.tellPort(at, port, 'port-left', 'slower-for-long'));
    this.rounds = new TimerWheel(now);
  }

  mannerOf(peer: number): Manner {
    return this.manners[this.table.peers.role[peer]! & 3]!;
  }

  /** Traffic goes to a peer, by a port of ours or, with -1, another. */
  used(now: number, destination: HostAddress, port: number): void {
    const found = this.table.addresses.find(destination);
    const peer = found < 0 ? this.meet(now, destination) : found;
    this.table.peers.usedAt[peer] = now;
    if (port >= 0) this.prober.used(now, peer, port);
  }

  /** It answered: `hops` away, and what it says of itself. */
  speaks(now: number, peer: number, role: number, hops: number): void {
    const { peers } = this.table;
    const wasSpeaking = this.fast.entryOf(peer) !== undefined && peers.role[peer] === role;
    peers.hops[peer] = hops;
    peers.state[peer] = PEER_SPEAKS;
    peers.role[peer] = role;
    if (wasSpeaking) return;
    const manner = this.mannerOf(peer);
    this.fast.remove(peer);
    this.table.forgetPorts(peer);
    peers.ports[peer] = manner.ports;
    peers.window[peer] = manner.ports;
    peers.rankedAt[peer] = now;
    this.tell(now, peer, 'peer-speaks', 'negotiated');
    if (!manner.probes) return;
    const { basePort } = this.options;
    const address = this.table.addresses.addressOf(peer);
    if (!this.fast.add(peer, address, manner.form, basePort, manner.ports)) {
      this.counters.tableFull++;
      this.leaveInPeace(now, peer, 'table-full');
      return;
    }
    this.prober.refresh(now, peer);
    // Which ports lead to which of several machines must be known before one of them fails.
    if (manner.form === FORM_GROUPS) this.prober.burst(now, peer);
  }

  /** Goes on with what the process before us knew; it is asked again whether it still speaks. */
  restore(now: number, saved: SavedPeer): void {
    const peer = this.meet(now, saved.address);
    const { peers } = this.table;
    peers.usedAt[peer] = saved.usedAt;
    this.speaks(now, peer, saved.role, saved.hops);
    if (this.fast.entryOf(peer) === undefined) return;
    restorePorts(this.table, peer, saved);
    this.fast.setBytes(peer, saved.fast);
    this.prober.refresh(now, peer);
  }

  leaveInPeace(now: number, peer: number, reason: RerouteReason): void {
    this.prober.stop(peer);
    this.fast.remove(peer);
    this.negotiator.rest(now, peer);
    this.tell(now, peer, 'peer-plain', reason);
  }

  /** It lost what it knew of us. */
  askAgain(now: number, peer: number): void {
    if (this.table.peers.state[peer] !== PEER_SPEAKS) return;
    this.negotiator.begin(peer);
    this.tell(now, peer, 'peer-silent', 'peer-reset');
  }

  advance(now: number): void {
    this.rounds.expire(now, (peer) => this.round(now, peer));
    this.prober.advance(now);
    for (const peer of this.changed) this.publish(now, peer);
    this.changed.clear();
  }

  nextTimeout(): number {
    if (this.changed.size > 0 || this.negotiator.due.length > 0) return 0;
    return Math.min(this.rounds.nextTimeout(), this.prober.nextTimeout());
  }

  suspected(now: number, at: number): void {
    this.prober.onSuspect(now, at);
  }

  left(now: number, at: number, reason: RerouteReason): void {
    const peer = peerOf(at);
    this.prober.onLeft(now, at);
    this.tellPort(now, at, 'port-left', reason);
    if (this.prober.isInUse(now, at) && this.alarm.onSwitch(now, peer))
      this.tell(now, peer, 'alarm', 'switching-excessively');
    this.changed.add(peer);
    const { homes } = this.fast.entryOf(peer)!;
    const isScarce = this.publisher.usableHomes(peer, homes) * 2 < homes;
    if (isScarce && this.table.peers.ports[peer]! < MAX_PORTS) this.addPorts(now, peer);
  }

  recovered(now: number, at: number): void {
    this.tellPort(now, at, 'port-recovered', 'answered-again');
    this.changed.add(peerOf(at));
  }

  silent(now: number, peer: number, isSilent: boolean): void {
    this.tell(now, peer, 'peer-silent', isSilent ? 'peer-silent' : 'peer-answers');
  }

  /** A port beyond those that flows are at home on has answered, or one whose backend was not known. */
  changedPort(at: number): void {
    this.changed.add(peerOf(at));
  }

  private meet(now: number, destination: HostAddress): number {
    const peer = this.table.add(destination, now);
    this.negotiator.begin(peer);
    this.rounds.set(peer, now + SECOND);
    return peer;
  }

  private round(now: number, peer: number): void {
    const { peers } = this.table;
    const idle = peers.state[peer] === PEER_PLAIN ? PLAIN_IDLE_MICROS : this.options.idleMicros;
    if (now - peers.usedAt[peer]! > idle) {
      this.release(now, peer);
      return;
    }
    this.rounds.set(peer, now + SECOND);
    if (this.negotiator.onRound(now, peer)) this.leaveInPeace(now, peer, 'no-answer');
    if (peers.state[peer] !== PEER_SPEAKS || !this.mannerOf(peer).probes) return;
    this.judge.onRound(now, peer);
    if (peers.isSilent[peer] === 1 && now - peers.heardAt[peer]! > SILENT_MICROS) {
      this.leaveInPeace(now, peer, 'peer-silent');
      return;
    }
    this.prober.adjust(now, peer);
    this.prober.refresh(now, peer);
    this.alarm.onRound(now, peer);
    if (now - peers.rankedAt[peer]! > RANKING_MICROS) this.resetRankings(now, peer);
    if (this.mannerOf(peer).prefersFast && this.quick.look(now, peer)) this.changed.add(peer);
  }

  private release(now: number, peer: number): void {
    this.tell(now, peer, 'peer-released', 'idle');
    this.prober.stop(peer);
    this.fast.remove(peer);
    this.changed.delete(peer);
    this.table.remove(peer);
  }

  /** Twice as many (ZooRoute §4.1), all asked at once. */
  private addPorts(now: number, peer: number): void {
    this.table.peers.ports[peer] = MAX_PORTS;
    this.tell(now, peer, 'ports-added', 'too-few-ports');
    this.prober.refresh(now, peer);
    this.prober.burst(now, peer);
  }

  /** Every half hour all ports that work are alike again, or the few that never failed would get everything. */
  private resetRankings(now: number, peer: number): void {
    const { peers, ports } = this.table;
    peers.rankedAt[peer] = now;
    const first = peer * MAX_PORTS;
    for (let at = first; at < first + MAX_PORTS; at++) {
      if (ports.state[at] === PORT_RESTING) {
        ports.state[at] = PORT_HEALTHY;
        this.tellPort(now, at, 'port-back', 'rankings-reset');
      }
      if (ports.state[at] === PORT_HEALTHY) ports.failureFreeSince[at] = now;
    }
    const { homes } = this.fast.entryOf(peer)!;
    if (this.publisher.usableHomes(peer, homes) * 2 >= homes) this.dropPorts(peer, homes);
    this.quick.reset(peer);
    this.changed.add(peer);
  }

  /** What was added is no longer needed. */
  private dropPorts(peer: number, homes: number): void {
    const { peers, ports } = this.table;
    if (peers.ports[peer] === homes) return;
    peers.ports[peer] = homes;
    for (let at = peer * MAX_PORTS + homes; at < (peer + 1) * MAX_PORTS; at++) ports.state[at] = 0;
  }

  private publish(now: number, peer: number): void {
    const { prefersFast } = this.mannerOf(peer);
    if (prefersFast) this.quick.look(now, peer);
    this.publisher.publish(now, peer, prefersFast);
  }

  private tellMode(now: number, peer: number, isFull: boolean): void {
    const why = isFull ? 'probe-lost' : 'no-more-losses';
    this.tell(
      now,
      peer,
      isFull ? 'mode-full' : 'mode-partial',
      this.mannerOf(peer).isFull ? 'negotiated' : why,
    );
  }

  private tell(now: number, peer: number, event: RerouteEventName, reason: RerouteReason): void {
    this.log.add(now, this.table.addresses.addressOf(peer), event, reason);
  }

  private tellPort(now: number, at: number, event: RerouteEventName, reason: RerouteReason): void {
    const port = this.options.basePort + (at % MAX_PORTS);
    this.log.add(now, this.table.addresses.addressOf(peerOf(at)), event, reason, port);
  }
}
