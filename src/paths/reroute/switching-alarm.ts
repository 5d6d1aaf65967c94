// Paths that are left too often (ZooRoute §8): what loses packets then is no path but an endpoint, such as a NIC whose queue
// overflows, and another port cannot help. An alarm names the endpoint: the peer, or this host when most peers are so.

import type { Columns } from '../../base/columns.ts';
import type { Ipv6Address } from '../../wire/address.ts';
import type { AlarmFacts } from './core.ts';
import type { SCORED_PEER } from './judged-columns.ts';
import type { SlowTable } from './slow-table.ts';

/** Rounds in which ports in use were left, each half forgotten after so long. */
const HALF_LIFE_MICROS = 300_000_000;
const ALARM = 6;
const QUIET = 2;
/** Ports that are left within so long are one fault. */
const TOGETHER_MICROS = 5_000_000;
const LEAST_PEERS = 3;

/** Of each peer. */
export interface ScoredTable {
  readonly peers: Columns<typeof SCORED_PEER>;
}

/** Whether paths to a peer are left too often. */
export class SwitchScore {
  private readonly table: ScoredTable;

  constructor(table: ScoredTable) {
    this.table = table;
  }

  /** A port in use was left. True when that is too often, for the first time. */
  onSwitch(now: number, peer: number): boolean {
    const { switches, switchScore, switchedAt, alarmSince } = this.table.peers;
    switches[peer]!++;
    if (switchedAt[peer]! > 0 && now - switchedAt[peer]! < TOGETHER_MICROS) return false;
    switchScore[peer] = this.score(now, peer) + 1;
    switchedAt[peer] = now;
    if (alarmSince[peer]! > 0 || switchScore[peer]! < ALARM) return false;
    alarmSince[peer] = now;
    return true;
  }

  onRound(now: number, peer: number): void {
    const { alarmSince } = this.table.peers;
    if (alarmSince[peer]! > 0 && this.score(now, peer) < QUIET) alarmSince[peer] = 0;
  }

  private score(now: number, peer: number): number {
    const { switchScore, switchedAt } = this.table.peers;
    return switchScore[peer]! * 2 ** (-(now - switchedAt[peer]!) / HALF_LIFE_MICROS);
  }
}

export class SwitchingAlarm {
  private readonly table: SlowTable;
  private readonly own: Ipv6Address;
  private readonly scores: SwitchScore;

  constructor(table: SlowTable, own: Ipv6Address) {
    this.table = table;
    this.own = own;
    this.scores = new SwitchScore(table);
  }

  /** A port in use was left. True when that is too often, for the first time. */
  onSwitch(now: number, peer: number): boolean {
    return this.scores.onSwitch(now, peer);
  }

  onRound(now: number, peer: number): void {
    this.scores.onRound(now, peer);
  }

  /** Of each endpoint. */
  alarms(): AlarmFacts[] {
    const { addresses, peers } = this.table;
    const alarming = [...addresses.rows].filter((peer) => peers.alarmSince[peer]! > 0);
    const factsOf = (endpoint: Ipv6Address, of: readonly number[]) => ({
      endpoint,
      sinceMicros: Math.min(...of.map((peer) => peers.alarmSince[peer]!)),
      switches: of.reduce((sum, peer) => sum + peers.switches[peer]!, 0),
    });
    const areMost = alarming.length >= LEAST_PEERS && alarming.length * 2 > addresses.size;
    if (areMost) return [factsOf(this.own, alarming)];
    return alarming.map((peer) => factsOf(addresses.addressOf(peer), [peer]));
  }
}
