// Which port is probed when (ZooRoute §4). Regularly: in full mode every port once a second, in partial mode those that carry
// traffic, all spread over the second; the intervals follow the destination's window and the processor. Beyond that, out of
// a budget of as many probes a second as full mode would send:
//
// - Traffic that flows right now over few ports: four probes a second each, eight when it is one port, and no more than
//   32 in all, since with one a second 30 % of loss shows after three.
// - A first loss (ZooRoute §8): the second probe at once, and a series behind it; and all other ports once, at once, so that
//   there are ports known to be healthy by the time that one is found bad. The peer is in full mode then, until ten
//   seconds have passed without a loss.

import { TimerWheel } from '../../base/timer-wheel.ts';
import type { CpuRule } from './cpu-rule.ts';
import { FORM_GROUPS, MAX_PORTS } from './fast-select.ts';
import type { Manner } from './roles.ts';
import { nextWindow, probeGapMicros } from './send-window.ts';
import { isUsable, PEER_SPEAKS, PORT_SUSPECT, peerOf, type SlowTable, UNKNOWN_HOPS } from './slow-table.ts';

const SECOND = 1_000_000;
export const HOT_MICROS = 2 * SECOND;
const HOT_PROBES_OF_PORT = 4;
const LEAST_HOT_PROBES = 8;
const MOST_HOT_PROBES = 32;
/** How long a port without traffic counts as one that carries it. */
export const IN_USE_MICROS = 30 * SECOND;
const EPISODE_MICROS = 10 * SECOND;
/** Of ports that nothing uses, in partial mode: those that were left, and those whose backend must be known. */
const LEFT_INTERVAL_MICROS = 5 * SECOND;
export const SURVEY_INTERVAL_MICROS = 30 * SECOND;
const SERIES = 12;
/** Of every other port, behind the first: with 30 % of loss, most that are on that route lose one of three. */
const BURST_SERIES = 2;
const SERIES_GAP_MICROS = 25_000;
const CLOSE_SERIES = 12;
/** For so long after a port was left. */
const CLOSE_LOOK_MICROS = 2 * SECOND;
const BURST_GAP_MICROS = 3 * SECOND;
/** In seconds of full probing, what may be saved up for bursts and series, and what bursts leave to series. */
const EXTRA_SECONDS = 6;
const RESERVE_SECONDS = 1;
/** Up to so many routers away a peer is in our zone. */
const NEAR_HOPS = 5;

export class Prober {
  /** Ports whose probe is due, for `transmit`. */
  readonly due: number[] = [];
  private readonly table: SlowTable;
  private readonly cpu: CpuRule;
  private readonly timers: TimerWheel;
  private readonly mannerOf: (peer: number) => Manner;
  private readonly modeChanged: (now: number, peer: number, isFull: boolean) => void;

  constructor(
    now: number,
    table: SlowTable,
    cpu: CpuRule,
    mannerOf: (peer: number) => Manner,
    modeChanged: (now: number, peer: number, isFull: boolean) => void,
  ) {
    this.table = table;
    this.cpu = cpu;
    this.timers = new TimerWheel(now);
    this.mannerOf = mannerOf;
    this.modeChanged = modeChanged;
  }

  /** Traffic takes a port. */
  used(now: number, peer: number, port: number): void {
    const at = peer * MAX_PORTS + port;
    const { ports, peers } = this.table;
    const wasUsed = this.isInUse(now, at);
    ports.usedAt[at] = now;
    if (!wasUsed && isUsable(ports.state[at]!)) peers.inUse[peer]!++;
    if (wasUsed || peers.state[peer] !== PEER_SPEAKS || !this.mannerOf(peer).probes) return;
    if (ports.isProbed[at] === 0) this.begin(at, now);
    if (now - peers.confirmedAt[peer]! < CLOSE_LOOK_MICROS) this.lookClosely(now, at);
    else if (peers.isFull[peer] === 0) this.timers.set(at, now);
  }

  /** Once a second, and whenever what is to be probed has changed. */
  refresh(now: number, peer: number): void {
    const { peers, ports } = this.table;
    const manner = this.mannerOf(peer);
    const isFull = manner.isFull || now < peers.episodeEnds[peer]!;
    if (isFull !== (peers.isFull[peer] === 1)) {
      peers.isFull[peer] = isFull ? 1 : 0;
      this.modeChanged(now, peer, isFull);
    }
    const first = peer * MAX_PORTS;
    peers.inUse[peer] = this.countInUse(now, peer);
    let begun = 0;
    for (let at = first; at < first + MAX_PORTS; at++) {
      const isWanted = Number.isFinite(this.interval(now, at));
      if (!isWanted && ports.isProbed[at] === 1) this.end(at);
      if (isWanted && ports.isProbed[at] === 0) this.begin(at, now + spread(begun++, this.interval(now, at)));
    }
  }

  /** Algorithm 1 and the processor's part, once a second. */
  adjust(now: number, peer: number): void {
    const { peers } = this.table;
    const most = peers.ports[peer]!;
    const [answered, complaints, lost] = [
      peers.answered[peer]!,
      peers.backpressure[peer]!,
      peers.lost[peer]!,
    ];
    const window = nextWindow(peers.window[peer]!, most, answered, complaints, lost);
    peers.window[peer] = window;
    peers.answered[peer] = 0;
    peers.backpressure[peer] = 0;
    peers.lost[peer] = 0;
    const perSecond = this.regularPerSecond(now, peer);
    const isFree = window === most || window >= perSecond;
    const ofWindow = isFree ? 1 : (perSecond * probeGapMicros(window)) / SECOND;
    const hops = peers.hops[peer]!;
    const before = peers.slowdown[peer]!;
    peers.slowdown[peer] = ofWindow * this.cpu.factor(hops !== UNKNOWN_HOPS && hops > NEAR_HOPS);
    if (peers.slowdown[peer]! < before) this.respread(now, peer);
  }

  /** A port lost a probe for the first time. */
  onSuspect(now: number, at: number): void {
    const peer = peerOf(at);
    const { ports, peers } = this.table;
    this.timers.set(at, now);
    ports.series[at] = SERIES;
    peers.episodeEnds[peer] = now + EPISODE_MICROS;
    this.refresh(now, peer);
    this.burst(now, peer, at);
  }

  /** All ports at once, at most once a second and within the budget. */
  burst(now: number, peer: number, except = -1): void {
    const { peers, ports } = this.table;
    if (peers.burstAt[peer]! > 0 && now - peers.burstAt[peer]! < BURST_GAP_MICROS) return;
    const count = peers.ports[peer]!;
    if (peers.slowdown[peer]! > 1 || !this.spend(now, peer, count, RESERVE_SECONDS * count)) return;
    peers.burstAt[peer] = now;
    const first = peer * MAX_PORTS;
    for (let at = first; at < first + count; at++) {
      if (at === except || ports.isProbed[at] === 0) continue;
      this.timers.set(at, now);
      ports.series[at] = Math.max(BURST_SERIES, ports.series[at]!);
    }
  }

  /** A port was left. There is a fault, so those in use are looked at closely, as are those that flows move to. */
  onLeft(now: number, at: number): void {
    const { ports } = this.table;
    const first = peerOf(at) * MAX_PORTS;
    ports.series[at] = 0;
    for (let other = first; other < first + MAX_PORTS; other++) {
      if (this.isInUse(now, other) && isUsable(ports.state[other]!)) this.lookClosely(now, other);
    }
  }

  /** A probe was sent. */
  sent(now: number, at: number): void {
    const { ports, peers } = this.table;
    const peer = peerOf(at);
    if (ports.isProbed[at] === 0) return;
    const isQuick = ports.series[at]! > 0 && peers.slowdown[peer] === 1 && this.spend(now, peer, 1);
    if (isQuick) {
      ports.series[at]!--;
      this.timers.set(at, now + SERIES_GAP_MICROS);
      return;
    }
    const interval = this.interval(now, at) * peers.slowdown[peer]!;
    // What was sent at once is spread again.
    const isOfBurst = peers.burstAt[peer]! > 0 && now - peers.burstAt[peer]! < SERIES_GAP_MICROS;
    this.timers.set(at, now + (isOfBurst ? spread(at % MAX_PORTS, interval) : interval));
  }

  /** Nothing more is asked of a peer. */
  stop(peer: number): void {
    for (let at = peer * MAX_PORTS; at < (peer + 1) * MAX_PORTS; at++) this.end(at);
    this.table.peers.isFull[peer] = 0;
  }

  advance(now: number): void {
    this.timers.expire(now, (at) => this.due.push(at));
  }

  nextTimeout(): number {
    return this.due.length > 0 ? 0 : this.timers.nextTimeout();
  }

  isInUse(now: number, at: number): boolean {
    const usedAt = this.table.ports.usedAt[at]!;
    return usedAt > 0 && now - usedAt < IN_USE_MICROS;
  }

  private countInUse(now: number, peer: number): number {
    let count = 0;
    for (let at = peer * MAX_PORTS; at < (peer + 1) * MAX_PORTS; at++)
      if (this.isInUse(now, at) && isUsable(this.table.ports.state[at]!)) count++;
    return count;
  }

  /** Regular probes, where nothing is short. */
  private regularPerSecond(now: number, peer: number): number {
    let perSecond = 0;
    for (let at = peer * MAX_PORTS; at < (peer + 1) * MAX_PORTS; at++)
      perSecond += SECOND / this.interval(now, at);
    return perSecond;
  }

  /** Between two regular probes of a port, where nothing is short; Infinity: it is not probed. */
  private interval(now: number, at: number): number {
    const { peers, ports } = this.table;
    const peer = peerOf(at);
    const isUsed = this.isInUse(now, at) && isUsable(ports.state[at]!);
    if (isUsed && now - peers.usedAt[peer]! < HOT_MICROS)
      return (peers.inUse[peer]! * SECOND) / hotProbesPerSecond(peers.inUse[peer]!);
    const isCandidate = at % MAX_PORTS < peers.ports[peer]!;
    if (isUsed || (isCandidate && peers.isFull[peer] === 1)) return SECOND;
    if (!isUsable(ports.state[at]!)) return LEFT_INTERVAL_MICROS;
    // What was suspect when an episode ended is seen through.
    if (ports.state[at] === PORT_SUSPECT) return SECOND;
    const isSurveyed = isCandidate && this.mannerOf(peer).form === FORM_GROUPS;
    return isSurveyed ? SURVEY_INTERVAL_MICROS : Number.POSITIVE_INFINITY;
  }

  /** Takes from what a peer may be sent beyond the regular probes. */
  private spend(now: number, peer: number, count: number, reserve = 0): boolean {
    const { peers } = this.table;
    const perSecond = peers.ports[peer]!;
    const most = perSecond * EXTRA_SECONDS;
    const since = peers.extraAt[peer]!;
    const filled = since === 0 ? most : peers.extra[peer]! + ((now - since) / SECOND) * perSecond;
    peers.extraAt[peer] = now;
    peers.extra[peer] = Math.min(most, filled);
    if (peers.extra[peer]! < count + reserve) return false;
    peers.extra[peer]! -= count;
    return true;
  }

  private lookClosely(now: number, at: number): void {
    const { ports } = this.table;
    if (ports.series[at]! > 0) return;
    ports.series[at] = CLOSE_SERIES;
    this.timers.set(at, now);
  }

  /** What was put off for longer than it is to be now. */
  private respread(now: number, peer: number): void {
    const first = peer * MAX_PORTS;
    for (let at = first; at < first + MAX_PORTS; at++) {
      if (this.table.ports.isProbed[at] === 0) continue;
      const interval = this.interval(now, at) * this.table.peers.slowdown[peer]!;
      if (Number.isFinite(interval)) this.timers.set(at, now + spread(at - first, interval));
    }
  }

  private begin(at: number, dueAt: number): void {
    this.table.ports.isProbed[at] = 1;
    this.timers.set(at, dueAt);
  }

  private end(at: number): void {
    this.table.ports.isProbed[at] = 0;
    this.table.ports.series[at] = 0;
    this.timers.cancel(at);
  }
}

/** Of a peer that traffic flows to right now, over so many ports. */
export function hotProbesPerSecond(portsInUse: number): number {
  const wanted = Math.max(LEAST_HOT_PROBES, HOT_PROBES_OF_PORT * portsInUse);
  return Math.max(portsInUse, Math.min(MOST_HOT_PROBES, wanted));
}

/** Where in the interval the port is due: in bit-reversed order, so that any few of them are far apart. */
function spread(index: number, interval: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 6; bit++) reversed |= ((index >> bit) & 1) << (5 - bit);
  return ((reversed + 0.5) / 64) * interval;
}
