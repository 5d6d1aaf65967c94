// Copa (Arun and Balakrishnan, "Copa: Practical Delay-Based Congestion Control for the Internet", NSDI 2018): steers
// towards a rate of 1/(delta dq) packets, dq being the queueing delay, faster the longer it goes in one direction. Its
// oscillation empties the queue once in five round trips; a queue that stays belongs to others who fill it, and delta
// then follows AIMD to compete with them (§2.2, §2.3 there). CCP §4.7.2 tells how it came to be written this way.

import type { Algorithm, Controller, FlowControl, Report } from '../algorithm.ts';
import { compile } from '../language/compiler.ts';
import { isFilled } from './window.ts';
import { WindowedMin } from './windowed.ts';

const DEFAULT_DELTA = 0.5;
const MIN_RTT_WINDOW_MICROS = 10_000_000;
/** Round trips that judge whether the queue is ever nearly empty, and how empty that is. */
const MODE_ROUNDS = 5;
const NEARLY_EMPTY = 0.1;
/**
 * Beyond §2.2, which has several Copas on a slow link never see the queue so empty, compete with each other, and fill it:
 * one that is not longer than what they want of it, at its shortest, unless it is hardly ever longer.
 */
const NEARLY_WANTED = 0.4;
/** Round trips in one direction before the velocity doubles. */
const STEADY_ROUNDS = 3;
const MAX_VELOCITY = 1 << 16;

/** Twice a round trip; the least round trip of half of one is the standing one, free of compressed acknowledgements. */
const program = compile(`
(def (Report
  (volatile acked 0)
  (volatile lost 0)
  (volatile timeout 0)
  (volatile used 0)
  (volatile standing +infinity)
  (volatile longest 0)))
(when true
  (:= Report.acked (+ Report.acked Ack.bytes_acked))
  (:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
  (:= Report.timeout (or Report.timeout Flow.was_timeout))
  (:= Report.used (max Report.used (+ Flow.bytes_in_flight Ack.bytes_acked)))
  (:= Report.standing (min Report.standing Flow.rtt_sample_us))
  (:= Report.longest (max Report.longest Flow.rtt_sample_us))
  (fallthrough))
(when (> (* 2 Timer.Micros) Flow.rtt_sample_us) (report) (reset))
`);

interface Sample {
  readonly nowMicros: number;
  readonly standing: number;
  readonly longest: number;
}

class Copa implements Controller {
  private readonly control: FlowControl;
  /** In packets. */
  private cwnd: number;
  private delta = DEFAULT_DELTA;
  private isSlowStart = true;
  private velocity = 1;
  private direction: -1 | 0 | 1 = 0;
  private steadyRounds = 0;
  private roundCwnd = 0;
  private roundEndsMicros = 0;
  private deafUntilMicros = 0;
  private readonly minRtt = new WindowedMin(MIN_RTT_WINDOW_MICROS);
  /** Of the last few round trips. */
  private samples: Sample[] = [];

  constructor(control: FlowControl) {
    this.control = control;
    this.cwnd = control.flow.initialCwndBytes / control.flow.mssBytes;
    control.install(program, { Cwnd: control.flow.initialCwndBytes, Rate: 0 });
  }

  onReport(report: Report): void {
    const { nowMicros } = report;
    const standing = report.field('standing');
    this.minRtt.add(nowMicros, standing);
    const minMicros = this.minRtt.value;
    this.chooseMode(report, standing, minMicros);
    this.steer(report, standing, standing - minMicros);
    if (report.field('timeout') !== 0) this.cwnd = 2;
    this.cwnd = Math.max(2, this.cwnd);
    const Cwnd = this.cwnd * this.control.flow.mssBytes;
    // Paced at twice the rate, so that bursts make no queue and the window still rules.
    this.control.update({ Cwnd, Rate: (2 * Cwnd * 1e6) / standing });
  }

  private chooseMode(report: Report, standing: number, minMicros: number): void {
    const { nowMicros } = report;
    const since = nowMicros - MODE_ROUNDS * standing;
    this.samples = this.samples.filter((each) => each.nowMicros >= since);
    this.samples.push({ nowMicros, standing, longest: report.field('longest') });
    const longest = this.samples.reduce((most, each) => Math.max(most, each.longest), 0);
    const shortest = this.samples.reduce((least, each) => Math.min(least, each.standing), standing);
    const swing = longest - minMicros;
    const wanted = standing / (DEFAULT_DELTA * this.cwnd);
    const isAlone =
      shortest - minMicros <= Math.max(NEARLY_EMPTY * swing, Math.min(NEARLY_WANTED * swing, wanted));
    if (isAlone) this.delta = DEFAULT_DELTA;
    else if (nowMicros >= this.deafUntilMicros) {
      const isLoss = report.field('lost') > 0;
      const inverse = isLoss ? 1 / this.delta / 2 : 1 / this.delta + 1;
      this.delta = Math.min(DEFAULT_DELTA, 1 / inverse);
      this.deafUntilMicros = nowMicros + standing;
    }
  }

  private steer(report: Report, standing: number, queueMicros: number): void {
    const { nowMicros } = report;
    const { mssBytes } = this.control.flow;
    const acked = report.field('acked') / mssBytes;
    const rate = this.cwnd / standing;
    const isBelow = queueMicros <= 0 || rate <= 1 / (this.delta * queueMicros);
    if (isBelow && !isFilled(this.cwnd * mssBytes, report.field('used'))) return;
    if (this.isSlowStart && isBelow) {
      this.cwnd += acked;
      return;
    }
    this.isSlowStart = false;
    if (nowMicros >= this.roundEndsMicros) this.endRound(nowMicros, standing);
    if (this.velocity > 1 && isBelow !== this.direction > 0) this.turn();
    const change = (this.velocity * acked) / (this.delta * this.cwnd);
    this.cwnd += isBelow ? change : -Math.min(change, this.cwnd / 2);
  }

  /** Once a round trip: which way did the window go, and for how long has it? */
  private endRound(nowMicros: number, standing: number): void {
    const direction = this.cwnd > this.roundCwnd ? 1 : -1;
    if (direction === this.direction) this.steadyRounds++;
    else this.turn();
    this.direction = direction;
    if (this.steadyRounds >= STEADY_ROUNDS) this.velocity = Math.min(MAX_VELOCITY, this.velocity * 2);
    this.roundCwnd = this.cwnd;
    this.roundEndsMicros = nowMicros + standing;
  }

  private turn(): void {
    this.velocity = 1;
    this.steadyRounds = 0;
  }
}

export const copa: Algorithm = { name: 'copa', onCreate: (control) => new Copa(control) };
