// The tenth of the usable ports with the shortest round trips, for gateways of different regions, whose paths differ by
// milliseconds (ZooRoute §8, figure A4). One that has become slower, for two minutes on end, gives way to the best of the others;
// one that is left is replaced at once. Nothing else changes the choice but the reset of the rankings.

import { MAX_PORTS } from './fast-select.ts';
import { isUsable, type SlowTable } from './slow-table.ts';

const SHARE = 0.1;
const WORSE_FOR_MICROS = 120_000_000;
/** Slower than it was when it was chosen by more than this is worse. */
const WORSE_FACTOR = 1.1;
const WORSE_MICROS = 100;
/** Answers of every port before the first choice. */
const LEAST_PROBES = 5;

export class QuickPorts {
  private readonly table: SlowTable;
  private readonly gaveWay: (now: number, at: number) => void;

  constructor(table: SlowTable, gaveWay: (now: number, at: number) => void) {
    this.table = table;
    this.gaveWay = gaveWay;
  }

  /** Chooses anew at the next look. */
  reset(peer: number): void {
    const first = peer * MAX_PORTS;
    this.table.ports.isChosen.fill(0, first, first + MAX_PORTS);
  }

  /** True when there is another choice than before. */
  look(now: number, peer: number): boolean {
    const usable = this.usable(peer);
    const wanted = Math.ceil(usable.length * SHARE);
    const dropped = this.drop(now, peer);
    let chosen = usable.filter((at) => this.table.ports.isChosen[at] === 1).length;
    if (chosen === 0 && !this.areAllKnown(peer)) return dropped;
    const before = chosen;
    for (; chosen < wanted; chosen++) if (!this.choose(usable)) break;
    return dropped || chosen !== before;
  }

  private usable(peer: number): number[] {
    const { state, srtt } = this.table.ports;
    const all = Array.from({ length: MAX_PORTS }, (_, i) => peer * MAX_PORTS + i);
    return all.filter((at) => isUsable(state[at]!) && srtt[at]! > 0);
  }

  private areAllKnown(peer: number): boolean {
    const { ports, peers } = this.table;
    for (let i = 0; i < peers.ports[peer]!; i++) {
      const at = peer * MAX_PORTS + i;
      if (isUsable(ports.state[at]!) && ports.probes[at]! < LEAST_PROBES) return false;
    }
    return true;
  }

  /** Takes those that were left or became slow for long out of the choice. */
  private drop(now: number, peer: number): boolean {
    const { ports } = this.table;
    let dropped = false;
    for (let at = peer * MAX_PORTS; at < (peer + 1) * MAX_PORTS; at++) {
      if (ports.isChosen[at] === 0) continue;
      const isLeft = !isUsable(ports.state[at]!);
      if (!isLeft && !this.isWorseForLong(now, at)) continue;
      ports.isChosen[at] = 0;
      ports.worseSince[at] = 0;
      dropped = true;
      if (!isLeft) this.gaveWay(now, at);
    }
    return dropped;
  }

  private isWorseForLong(now: number, at: number): boolean {
    const { srtt, rttWhenChosen, worseSince } = this.table.ports;
    const isWorse = srtt[at]! > rttWhenChosen[at]! * WORSE_FACTOR + WORSE_MICROS;
    if (!isWorse) worseSince[at] = 0;
    else if (worseSince[at] === 0) worseSince[at] = now;
    return isWorse && now - worseSince[at]! > WORSE_FOR_MICROS;
  }

  private choose(usable: readonly number[]): boolean {
    const { ports } = this.table;
    let best = -1;
    for (const at of usable) {
      if (ports.isChosen[at] === 0 && (best < 0 || ports.srtt[at]! < ports.srtt[best]!)) best = at;
    }
    if (best < 0) return false;
    ports.isChosen[best] = 1;
    ports.rttWhenChosen[best] = ports.srtt[best]!;
    ports.worseSince[best] = 0;
    return true;
  }
}
