// From the slow table to the fast one: which ports flows may use, in the form that the destination has (ZooRoute §5.1, §6).
// Nothing moves because something recovered (ZooRoute §6, §8): ports that answer again rest until the rankings are reset, and
// come back earlier, those that failed longest ago first, only while less than half of the ports are usable; while none is,
// bad ones that answer come back, too. A replacement is a port known to be healthy, the one that has not failed for longest.

import type { RerouteReason } from './core.ts';
import { FORM_BITMAP, FORM_STRIDES, MAX_PORTS, STRIDE_MEMBERS, UNUSABLE } from './fast-select.ts';
import type { FastTable } from './fast-table.ts';
import {
  isUsable,
  PORT_BAD,
  PORT_HEALTHY,
  PORT_RESTING,
  PORT_UNKNOWN,
  type SlowTable,
} from './slow-table.ts';

/** Ports that have not failed for about as long share what is to be replaced. */
const ALIKE_MICROS = 60_000_000;
/** Or a peer that loses at random would have bad ports back and left all the time. */
const REOPEN_GAP_MICROS = 30_000_000;

export class Publisher {
  private readonly table: SlowTable;
  private readonly fast: FastTable;
  private readonly cameBack: (now: number, at: number, reason: RerouteReason) => void;
  /** 1 where flows may be put on a port of the peer at hand. */
  private readonly open = new Uint8Array(MAX_PORTS);

  constructor(
    table: SlowTable,
    fast: FastTable,
    cameBack: (now: number, at: number, reason: RerouteReason) => void,
  ) {
    this.table = table;
    this.fast = fast;
    this.cameBack = cameBack;
  }

  /** Brings a peer's entry up to date. `onlyChosen`: of usable ports, those that were chosen for their round trips. */
  publish(now: number, peer: number, onlyChosen: boolean): void {
    const entry = this.fast.entryOf(peer);
    if (entry === undefined) return;
    const { homes, form } = entry;
    this.reopen(now, peer, homes);
    this.findOpen(peer, homes);
    if (form === FORM_BITMAP) this.writeBitmap(peer, onlyChosen);
    else if (form === FORM_STRIDES) this.writeStrides(peer, homes);
    else this.writeGroups(peer, homes);
  }

  /** How many of the ports that flows are at home on are usable. */
  usableHomes(peer: number, homes: number): number {
    let usable = 0;
    for (let i = 0; i < homes; i++) if (isUsable(this.table.ports.state[peer * MAX_PORTS + i]!)) usable++;
    return usable;
  }

  /** While less than half are usable, those that answer again are taken back, the longest without failure first. */
  private reopen(now: number, peer: number, homes: number): void {
    const { state, failureFreeSince, failedInARow } = this.table.ports;
    const first = peer * MAX_PORTS;
    for (let usable = this.usableHomes(peer, homes); usable * 2 < homes; usable++) {
      let best = -1;
      for (let at = first; at < first + homes; at++) {
        if (state[at] !== PORT_RESTING || failedInARow[at]! > 0) continue;
        if (best < 0 || failureFreeSince[at]! < failureFreeSince[best]!) best = at;
      }
      if (best < 0) break;
      state[best] = PORT_HEALTHY;
      this.cameBack(now, best, 'too-few-ports');
    }
    if (this.usableHomes(peer, homes) === 0) this.reopenBad(now, peer, homes);
  }

  /** While none is usable, one that was bad a moment ago will do, if it answered since all were asked at once. */
  private reopenBad(now: number, peer: number, homes: number): void {
    const { state, answeredAt, failedInARow, reopenedAt } = this.table.ports;
    const first = peer * MAX_PORTS;
    for (let at = first; at < first + homes; at++) {
      const isHeard = answeredAt[at]! > this.table.peers.burstAt[peer]! && failedInARow[at] === 0;
      const wasTaken = reopenedAt[at]! > 0 && now - reopenedAt[at]! < REOPEN_GAP_MICROS;
      if (state[at] !== PORT_BAD || !isHeard || wasTaken) continue;
      reopenedAt[at] = now;
      state[at] = PORT_HEALTHY;
      this.cameBack(now, at, 'too-few-ports');
    }
  }

  private findOpen(peer: number, homes: number): void {
    const { state } = this.table.ports;
    for (let i = 0; i < MAX_PORTS; i++) {
      const portState = state[peer * MAX_PORTS + i]!;
      // Flows are at home on ports that nobody has asked yet; others must have answered.
      this.open[i] = isUsable(portState) && (i < homes || portState !== PORT_UNKNOWN) ? 1 : 0;
    }
  }

  private writeBitmap(peer: number, onlyChosen: boolean): void {
    const all = this.mask(peer, false);
    const chosen = onlyChosen ? this.mask(peer, true) : all;
    const [low, high] =
      chosen.low === 0 && chosen.high === 0 ? [all.low, all.high] : [chosen.low, chosen.high];
    this.fast.setBitmap(peer, low, high);
  }

  private mask(peer: number, onlyChosen: boolean): { low: number; high: number } {
    const { isChosen } = this.table.ports;
    let low = 0;
    let high = 0;
    for (let i = 0; i < MAX_PORTS; i++) {
      if (this.open[i] === 0 || (onlyChosen && isChosen[peer * MAX_PORTS + i] === 0)) continue;
      if (i < 32) low |= 1 << i;
      else high |= 1 << (i & 31);
    }
    return { low: low >>> 0, high: high >>> 0 };
  }

  private writeStrides(peer: number, homes: number): void {
    const stride = homes / STRIDE_MEMBERS;
    for (let group = 0; group < stride; group++) {
      const isMember = (i: number) => i < homes && (i & (stride - 1)) === group;
      let closed = 0;
      for (let i = group; i < homes; i += stride) closed += 1 - this.open[i]!;
      if (closed === 0) this.fast.setByte(peer, group, 0);
      else this.replace(peer, group, isMember);
    }
  }

  private writeGroups(peer: number, homes: number): void {
    const { backend } = this.table.ports;
    const first = peer * MAX_PORTS;
    for (let home = 0; home < homes; home++) {
      const byte = this.fast.byteOf(peer, home);
      const inUse = byte === 0 || byte === UNUSABLE ? home : byte - 1;
      if (byte !== UNUSABLE && this.open[inUse] === 1) continue;
      this.replace(peer, home, (i) => backend[first + i] === backend[first + inUse]);
    }
  }

  /** Fills a byte with the port that it has, if that may be used; or the best of those preferred; or of all. */
  private replace(peer: number, index: number, isPreferred: (port: number) => boolean): void {
    const byte = this.fast.byteOf(peer, index);
    if (byte !== 0 && byte !== UNUSABLE && this.open[byte - 1] === 1 && isPreferred(byte - 1)) return;
    const preferred = this.best(peer, index, isPreferred);
    const port = preferred >= 0 ? preferred : this.best(peer, index, () => true);
    this.fast.setByte(peer, index, port < 0 ? UNUSABLE : port + 1);
  }

  /** Healthy before uncertain, then the longest without failure; equals are taken in turn, so that they share the flows. */
  private best(peer: number, turn: number, isCandidate: (port: number) => boolean): number {
    const { state, failureFreeSince } = this.table.ports;
    let best = -1;
    let bestSince = 0;
    for (let step = 0; step < MAX_PORTS; step++) {
      const i = (turn * 7 + step) % MAX_PORTS;
      if (this.open[i] === 0 || !isCandidate(i)) continue;
      const at = peer * MAX_PORTS + i;
      const isHealthy = state[at] === PORT_HEALTHY;
      const since = isHealthy ? Math.floor(failureFreeSince[at]! / ALIKE_MICROS) : Number.POSITIVE_INFINITY;
      if (best >= 0 && since >= bestSince) continue;
      best = i;
      bestSince = since;
    }
    return best;
  }
}
