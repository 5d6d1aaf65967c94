// Nimbus (Goyal et al., SIGCOMM 2022; CCP §4.7.1): controls delay while the cross traffic is inelastic, and competes as
// Cubic while it is elastic. Its rate pulses asymmetrically, up for a quarter of the period and down by a third as much
// for the rest, so that little queue is needed; the answer is found in the spectrum (elasticity.ts).
//
// On slow links it is pushed aside by Cubic, though not by Reno: near the top of Cubic's curve the queue stays full, and
// what is paced and pulses meets its end more often than what is sent in bursts.

import type { Algorithm, Controller, FlowControl, Report } from '../algorithm.ts';
import { compile } from '../language/compiler.ts';
import { CubicLaw } from './cubic.ts';
import { Elasticity, SAMPLE_MICROS } from './elasticity.ts';
import { deafUntil, isFilled } from './window.ts';

const PULSE_HERTZ = 5;
/** Of the bottleneck's rate. */
const PULSE_SIZE = 0.25;
const ELASTIC = 2.25;
const INELASTIC = 2;
/** How fast the judgement follows new spectra, one every sample. */
const JUDGEMENT_GAIN = 0.02;
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

class Nimbus implements Controller {
  private readonly control: FlowControl;
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

  constructor(control: FlowControl) {
    this.control = control;
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
    this.elasticity.add(nowMicros, crossRate);
    this.followWindow(report, rttMicros);
    this.judge(rttMicros);
    const rate =
      this.mode === 'delay' ? this.delayRate(sent, crossRate, rttMicros) : (this.cwndBytes * 1e6) / rttMicros;
    const base = Math.max(rate, LEAST_RATE * this.bottleneckRate);
    this.send(base + this.pulse(nowMicros, base), rttMicros);
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
      this.cwndBytes = this.cubic.decreased(this.cwndBytes);
      this.deafUntilMicros = deafUntil(nowMicros, rttMicros);
    } else if (!isFilled(this.cwndBytes, usedBytes)) return;
    else if (this.isSlowStart) this.cwndBytes += ackedBytes;
    else {
      const counts = { ackedBytes, lostPackets, wasTimeout, markedBytes: 0, usedBytes };
      const round = { nowMicros, rttMicros, ...counts };
      this.cwndBytes = this.cubic.increased(this.cwndBytes, round);
    }
    this.cwndBytes = Math.max(this.cwndBytes, 2 * this.control.flow.mssBytes);
  }

  private judge(rttMicros: number): void {
    let elasticity = this.elasticity.at(PULSE_HERTZ);
    if (elasticity === undefined) return;
    if (this.elasticity.mean < NEGLIGIBLE * this.bottleneckRate) elasticity = 0;
    this.judgement += JUDGEMENT_GAIN * (elasticity - this.judgement);
    if (this.mode === 'competitive' && this.judgement < INELASTIC) {
      this.mode = 'delay';
      this.isSlowStart = false;
    } else if (this.mode === 'delay' && this.judgement > ELASTIC) {
      this.mode = 'competitive';
      this.cwndBytes = (this.smoothedRate * rttMicros) / 1e6;
    }
  }

  /** Takes up what is free, and corrects the queue's delay. */
  private delayRate(sent: number, crossRate: number, rttMicros: number): number {
    const free = this.bottleneckRate - sent - crossRate;
    const missingDelay = this.baseMicros + TARGET_QUEUE_MICROS - rttMicros;
    return sent + ALPHA * free + (BETA * this.bottleneckRate * missingDelay) / rttMicros;
  }

  /**
   * No higher than half of what it is added to, unlike the paper's: a slow flow would overflow a full queue with every
   * pulse, and be pushed aside by the flows it competes with.
   */
  private pulse(nowMicros: number, base: number): number {
    const phase = ((nowMicros * PULSE_HERTZ) / 1e6) % 1;
    const height = Math.min(PULSE_SIZE * this.bottleneckRate, base / 2);
    if (phase < 0.25) return height * Math.sin(4 * Math.PI * phase);
    return -(height / 3) * Math.sin((4 * Math.PI * (phase - 0.25)) / 3);
  }

  private send(rate: number, rttMicros: number): void {
    const Rate = Math.max(rate, this.control.flow.initialCwndBytes);
    const Cwnd = Math.max((2 * Rate * rttMicros) / 1e6, 4 * this.control.flow.mssBytes);
    this.control.update({ Rate, Cwnd });
  }
}

export const nimbus: Algorithm = { name: 'nimbus', onCreate: (control) => new Nimbus(control) };
