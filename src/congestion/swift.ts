// Swift (Kumar et al., SIGCOMM 2020), which BIFROST adopts for each of its paths (BIFROST §D): a window grows while the
// delay is below a target and shrinks by how far it is above, at most once a round trip. The fabric and the hosts have
// a window each, and the smaller one holds. Section numbers below are those of the Swift paper.
//
//   target = base + hops × perHop + max(0, min(α/√cwnd + β, range))          §3.5: topology and flow scaling
//   α = range / (1/√minCwnd − 1/√maxCwnd),  β = −α/√maxCwnd
//
// The paper's targets are those of hosts with network cards that stamp packets. Here a stamp is taken by a program that
// the kernel schedules, and a frame of 64 KB may be one packet of the fabric: the base is larger, and so is the range.

import { CC_SWIFT, MAX_PATH_ID } from '../wire/bifrost-types.ts';
import type { AckSample, CongestionAlgorithm, CongestionController, LossSample } from './controller.ts';

export interface SwiftOptions {
  /** Largest payload of one packet: windows count packets of this size. */
  readonly packetBytes: number;
  /** Of one slot. */
  readonly maxCwndPackets: number;
  readonly targets?: SwiftTargets;
}

export interface SwiftTargets {
  readonly baseMicros: number;
  readonly perHopMicros: number;
  /** The most that flow scaling adds. */
  readonly rangeMicros: number;
  readonly endpointMicros: number;
}

export const DEFAULT_TARGETS: SwiftTargets = {
  baseMicros: 500,
  perHopMicros: 20,
  rangeMicros: 1500,
  endpointMicros: 4000,
};

/**
 * Windows between which flow scaling works (§3.5). Those of a slow link are small, and what leaves at once, a quarter of one,
 * waits there for itself and for the other slots longer than the base.
 */
const SCALED_FROM_PACKETS = 10;
const SCALED_TO_PACKETS = 400;
/** Packets a round trip: few for windows of frames of up to 45. */
export const ADDITIVE_INCREASE = 4;
const MULTIPLICATIVE_DECREASE = 0.8;
const MAX_DECREASE = 0.5;
export const MIN_CWND_PACKETS = 0.01;
/** One large frame at once, before anything is known of the path. */
const INITIAL_CWND_PACKETS = 64;
/** Timeouts in a row that take a window to the least (§3.4, RETX_RESET_THRESHOLD). */
const TIMEOUTS_TO_RESET = 5;
const SMOOTHING = 1 / 8;
const SLOTS = MAX_PATH_ID + 1;

/** §3.5. */
export function flowScaling({ rangeMicros }: SwiftTargets): { alpha: number; beta: number } {
  const alpha = rangeMicros / (1 / Math.sqrt(SCALED_FROM_PACKETS) - 1 / Math.sqrt(SCALED_TO_PACKETS));
  return { alpha, beta: -alpha / Math.sqrt(SCALED_TO_PACKETS) };
}

export function swift(options: SwiftOptions): CongestionAlgorithm {
  return { name: 'swift', ccType: CC_SWIFT, create: () => new Swift(options) };
}

// Words of a slot's state.
const FABRIC_CWND = 0;
const FABRIC_DECREASED = 1;
const ENDPOINT_CWND = 2;
const ENDPOINT_DECREASED = 3;
const RTT = 4;
const ENDPOINT_DELAY = 5;
const TIMEOUTS = 6;
/** Acknowledged since the last measurement of the slot. */
const ACKED_PACKETS = 7;
const WORDS = 8;

class Swift implements CongestionController {
  private readonly packetBytes: number;
  private readonly maxCwnd: number;
  private readonly targets: SwiftTargets;
  private readonly alpha: number;
  private readonly beta: number;
  private readonly state = new Float64Array(SLOTS * WORDS);

  constructor({ packetBytes, maxCwndPackets, targets = DEFAULT_TARGETS }: SwiftOptions) {
    this.packetBytes = packetBytes;
    this.maxCwnd = maxCwndPackets;
    this.targets = targets;
    const { alpha, beta } = flowScaling(targets);
    this.alpha = alpha;
    this.beta = beta;
    const initial = Math.min(INITIAL_CWND_PACKETS, maxCwndPackets);
    for (let at = 0; at < this.state.length; at += WORDS) {
      this.state[at + FABRIC_CWND] = initial;
      this.state[at + ENDPOINT_CWND] = maxCwndPackets;
      this.state[at + FABRIC_DECREASED] = Number.NEGATIVE_INFINITY;
      this.state[at + ENDPOINT_DECREASED] = Number.NEGATIVE_INFINITY;
    }
  }

  onAck(sample: AckSample): void {
    const { state } = this;
    const at = sample.slot * WORDS;
    state[at + ACKED_PACKETS]! += sample.ackedBytes / this.packetBytes;
    if (sample.ackedBytes > 0) state[at + TIMEOUTS] = 0;
    if (sample.markedPackets > 0) this.decrease(at, FABRIC_CWND, sample.nowMicros, MAX_DECREASE);
    if (sample.rttMicros === 0) return;
    state[at + RTT] = smoothed(state[at + RTT]!, sample.rttMicros);
    state[at + ENDPOINT_DELAY] = smoothed(state[at + ENDPOINT_DELAY]!, sample.endpointMicros);
    const acked = state[at + ACKED_PACKETS]!;
    state[at + ACKED_PACKETS] = 0;
    const { fabricMicros, nowMicros, hops } = sample;
    this.adjust(at, FABRIC_CWND, fabricMicros, this.fabricTarget(at, hops), acked, nowMicros);
    this.adjust(
      at,
      ENDPOINT_CWND,
      state[at + ENDPOINT_DELAY]!,
      this.targets.endpointMicros,
      acked,
      nowMicros,
    );
  }

  /** §3.4: fast recovery. */
  onLoss({ slot, nowMicros }: LossSample): void {
    this.decrease(slot * WORDS, FABRIC_CWND, nowMicros, MAX_DECREASE);
  }

  /** §3.4: retransmission timeouts. */
  onTimeout(slot: number, nowMicros: number): void {
    const { state } = this;
    const at = slot * WORDS;
    if (++state[at + TIMEOUTS]! >= TIMEOUTS_TO_RESET) state[at + FABRIC_CWND] = MIN_CWND_PACKETS;
    else this.decrease(at, FABRIC_CWND, nowMicros, MAX_DECREASE);
  }

  cwndBytes(slot: number): number {
    const at = slot * WORDS;
    return Math.min(this.state[at + FABRIC_CWND]!, this.state[at + ENDPOINT_CWND]!) * this.packetBytes;
  }

  /** §3.3: below one packet a window is a rate. */
  pacingBytesPerSecond(slot: number): number {
    const rtt = this.state[slot * WORDS + RTT]!;
    return rtt === 0 ? Number.POSITIVE_INFINITY : (this.cwndBytes(slot) * 1e6) / rtt;
  }

  private fabricTarget(at: number, hops: number): number {
    const { baseMicros, perHopMicros, rangeMicros } = this.targets;
    const scaled = this.alpha / Math.sqrt(this.state[at + FABRIC_CWND]!) + this.beta;
    return baseMicros + hops * perHopMicros + Math.max(0, Math.min(scaled, rangeMicros));
  }

  /** Algorithm 1, for one of a slot's two windows. */
  private adjust(
    at: number,
    window: typeof FABRIC_CWND | typeof ENDPOINT_CWND,
    delayMicros: number,
    targetMicros: number,
    ackedPackets: number,
    nowMicros: number,
  ): void {
    const { state } = this;
    if (delayMicros >= targetMicros) {
      const excess = (delayMicros - targetMicros) / delayMicros;
      this.decrease(at, window, nowMicros, Math.min(MAX_DECREASE, MULTIPLICATIVE_DECREASE * excess));
      return;
    }
    const cwnd = state[at + window]!;
    const increase = (ADDITIVE_INCREASE * ackedPackets) / Math.max(1, cwnd);
    state[at + window] = Math.min(this.maxCwnd, cwnd + increase);
  }

  /** At most once a round trip. */
  private decrease(
    at: number,
    window: typeof FABRIC_CWND | typeof ENDPOINT_CWND,
    nowMicros: number,
    share: number,
  ): void {
    const { state } = this;
    if (nowMicros - state[at + window + 1]! < state[at + RTT]!) return;
    state[at + window] = Math.max(MIN_CWND_PACKETS, state[at + window]! * (1 - share));
    state[at + window + 1] = nowMicros;
  }
}

function smoothed(average: number, sample: number): number {
  return average === 0 ? sample : average + SMOOTHING * (sample - average);
}
