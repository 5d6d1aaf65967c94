// Nimbus (Goyal et al., SIGCOMM 2022; CCP §4.7.1): controls delay while the cross traffic is inelastic, and competes as
// Cubic while it is elastic. Either way it pulses (pulse.ts); the answer is found in the spectrum (elasticity.ts).
//
// While it competes, the pulse is in the window and acknowledgements are the clock, as they are for those it competes
// with: what is paced meets the end of a full queue more often than what comes in bursts. And what a loss cuts is all
// that was in flight, the pulse's part too: it is mostly the pulse that overflows the queue, and without it the window
// would have grown as much higher.

import type { Algorithm, Controller, FlowControl, Report } from '../algorithm.ts';
import { compile } from '../language/compiler.ts';
import { CubicLaw } from './cubic.ts';
import { Elasticity, SAMPLE_MICROS } from './elasticity.ts';
import { PULSE_HERTZ, pulseAt, pulseSumAt } from './pulse.ts';
import { deafUntil, isFilled } from './window.ts';

/** Of the bottleneck's rate, but no more than a flow has itself. */
const PULSE_SIZE = 0.25;
/**
 * From where on it begins to compete, and below which it ceases. Far apart: in a full queue everybody's losses make the
 * spectrum noisy, and who ceases by mistake is pushed aside until it finds out.
 */
const ELASTIC = 2.5;
const INELASTIC = 1.5;
/** How fast the judgement follows new spectra, one every sample. */
const JUDGEMENT_GAIN = 0.005;
/** Cross traffic of less than this part of the link is none. */
const NEGLIGIBLE = 0.1;
/** The delay rule's gains on free rate and on delay, and the queueing delay it aims at (§4 there). */
const ALPHA = 0.8;
const BETA = 0.5;
const TARGET_QUEUE_MICROS = 12_500;
const LEAST_RATE = 0.05;
const RATE_GAIN = 0.2;

const program = compile(`
(def
  (Report
    (volatile acked 0)
    (volatile lost 0)
    (volatile timeout 0)
    (volatile used 0)
    (rtt 0)
    (sent 0)
    (received 0))
  (interval 0))
(when true
  (:= Report.acked (+ Report.acked Ack.bytes_acked))
  (:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
  (:= Report.timeout (or Report.timeout Flow.was_timeout))
  (:= Report.used (max Report.used (+ Flow.bytes_in_flight Ack.bytes_acked)))
  (:= Report.rtt Flow.rtt_sample_us)
  (:= Report.sent Flow.rate_outgoing)
  (:= Report.received Flow.rate_incoming)
  (fallthrough))
(when (>= Timer.Micros interval) (report) (reset))
`);

/** What Nimbus takes the cross traffic for, each time it looks. */
export interface Verdict {
  readonly nowMicros: number;
  /** Of the last five seconds; 0 without cross traffic. */
  readonly elasticity: number;
  readonly isElastic: boolean;
}

class Nimbus implements Controller {
  private readonly control: FlowControl;
  private readonly tell: (verdict: Verdict) => void;
  private readonly cubic: CubicLaw;
  private readonly elasticity = new Elasticity();
  private mode: 'competitive' | 'delay' = 'competitive';
  private judgement = ELASTIC;
  private cwndBytes: number;
  private isSlowStart = true;
  private deafUntilMicros = 0;
  private baseMicros = Number.POSITIVE_INFINITY;
  /** Bytes a second, as all rates here. */
  private bottleneckRate = 0;
  private smoothedRate = 0;

  constructor(control: FlowControl, tell: (verdict: Verdict) => void) {
    this.control = control;
    this.tell = tell;
    this.cubic = new CubicLaw(control.flow.mssBytes);
    this.cwndBytes = control.flow.initialCwndBytes;
    control.install(program, { Cwnd: this.cwndBytes, Rate: 0, interval: SAMPLE_MICROS });
  }

  onReport(report: Report): void {
    const { nowMicros } = report;
    const rttMicros = report.field('rtt');
    const sent = report.field('sent');
    const received = report.field('received');
    if (rttMicros === 0 || sent === 0 || received === 0) return;
    this.baseMicros = Math.min(this.baseMicros, rttMicros);
    this.smoothedRate += RATE_GAIN * (received - this.smoothedRate);
    this.bottleneckRate = Math.max(this.bottleneckRate, this.smoothedRate);
    const crossRate = Math.max(0, (this.bottleneckRate * sent) / received - sent);
    this.elasticity.add(nowMicros, crossRate, received);
    this.followWindow(report, rttMicros);
    this.judge(nowMicros, rttMicros);
    if (this.mode === 'competitive') this.compete(nowMicros, rttMicros);
    else this.keepDelay(nowMicros, this.delayRate(sent, crossRate, rttMicros), rttMicros);
  }

  /** Cubic's window (RFC 9438), which rules in competitive mode. */
  private followWindow(report: Report, rttMicros: number): void {
    const { nowMicros } = report;
    const ackedBytes = report.field('acked');
    const lostPackets = report.field('lost');
    const wasTimeout = report.field('timeout') !== 0;
    const usedBytes = report.field('used');
    if (lostPackets > 0 || wasTimeout) {
      if (nowMicros < this.deafUntilMicros) return;
      this.isSlowStart = false;
      const pulseBytes = this.mode === 'competitive' ? this.pulseBytes(nowMicros - rttMicros, rttMicros) : 0;
      this.cwndBytes = this.cubic.decreased(this.cwndBytes + pulseBytes);
      this.deafUntilMicros = deafUntil(nowMicros, rttMicros, this.cwndBytes / this.control.flow.mssBytes);
    } else if (!isFilled(this.cwndBytes, usedBytes)) return;
    else if (this.isSlowStart) this.cwndBytes += ackedBytes;
    else {
      const counts = { ackedBytes, lostPackets, wasTimeout, markedBytes: 0, usedBytes };
      const round = { nowMicros, rttMicros, ...counts };
      this.cwndBytes = this.cubic.increased(this.cwndBytes, round);
    }
    this.cwndBytes = Math.max(this.cwndBytes, 2 * this.control.flow.mssBytes);
  }

  private judge(nowMicros: number, rttMicros: number): void {
    let elasticity = this.elasticity.at(PULSE_HERTZ);
    if (elasticity === undefined) return;
    if (this.elasticity.mean < NEGLIGIBLE * this.bottleneckRate) elasticity = 0;
    this.judgement += JUDGEMENT_GAIN * (elasticity - this.judgement);
    if (this.mode === 'competitive' && this.judgement < INELASTIC) {
      this.mode = 'delay';
      this.isSlowStart = false;
    } else if (this.mode === 'delay' && this.judgement > ELASTIC) {
      this.mode = 'competitive';
      // What it had before it was pushed aside, and from there as a new flow.
      this.cwndBytes = (this.elasticity.oldestOwnRate * rttMicros) / 1e6;
      this.isSlowStart = true;
    }
    this.tell({ nowMicros, elasticity, isElastic: this.mode === 'competitive' });
  }

  /** Takes up what is free, and corrects the queue's delay. */
  private delayRate(sent: number, crossRate: number, rttMicros: number): number {
    const free = this.bottleneckRate - sent - crossRate;
    const missingDelay = this.baseMicros + TARGET_QUEUE_MICROS - rttMicros;
    return sent + ALPHA * free + (BETA * this.bottleneckRate * missingDelay) / rttMicros;
  }

  private compete(nowMicros: number, rttMicros: number): void {
    const Cwnd = this.cwndBytes + this.pulseBytes(nowMicros, rttMicros);
    this.control.update({ Rate: 0, Cwnd });
  }

  private keepDelay(nowMicros: number, wanted: number, rttMicros: number): void {
    const { mssBytes, initialCwndBytes } = this.control.flow;
    const least = Math.max(LEAST_RATE * this.bottleneckRate, initialCwndBytes);
    const pulse = PULSE_SIZE * this.bottleneckRate * pulseAt(nowMicros);
    const Rate = Math.max(Math.max(wanted, least) + pulse, least);
    this.control.update({ Rate, Cwnd: Math.max((2 * Rate * rttMicros) / 1e6, 4 * mssBytes) });
  }

  /** What the pulse adds to the window. */
  private pulseBytes(nowMicros: number, rttMicros: number): number {
    return this.pulseHeight((this.cwndBytes * 1e6) / rttMicros) * pulseSumAt(nowMicros);
  }

  private pulseHeight(base: number): number {
    return Math.min(PULSE_SIZE * this.bottleneckRate, base);
  }
}

/** `tell` hears of every verdict, the first after five seconds. */
export function watchedNimbus(tell: (verdict: Verdict) => void): Algorithm {
  return { name: 'nimbus', onCreate: (control) => new Nimbus(control, tell) };
}

export const nimbus: Algorithm = watchedNimbus(() => {});
