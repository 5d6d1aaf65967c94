// Slow start in the three forms of CCP §4.4.4: in the algorithm, report by report (listing 4.2); in the datapath,
// acknowledgement by acknowledgement (listing 4.3); in the datapath by rate, which doubles every round trip. Each ends
// with a report of a loss or timeout, and says which window it had come to. HyStart (Ha and Rhee 2011), as Linux's Cubic
// has it, also ends when round trips grow, before there is a loss.

import type { FlowControl, Report } from '../algorithm.ts';
import { type CompiledProgram, compile } from '../language/compiler.ts';
import { EACH_ROUND } from './round.ts';

export type SlowStartForm = 'algorithm' | 'datapath' | 'rate' | 'hystart';

const declarations = `
(def (Report
  (volatile acked 0)
  (volatile lost 0)
  (volatile timeout 0)
  (volatile rtt +infinity)
  (window 0)))`;
/** How much longer than the shortest round trip all of a round must have been: an eighth of it, within bounds. */
const LEAST_GROWTH_MICROS = 4000;
const MOST_GROWTH_MICROS = 16_000;
const SAMPLES = 8;

const counting = `
(when true
  (:= Report.acked (+ Report.acked Ack.bytes_acked))
  (:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
  (:= Report.timeout (or Report.timeout Flow.was_timeout))
  (:= Report.rtt (min Report.rtt Flow.rtt_sample_us))`;

const inAlgorithm = (interval: string) => `${declarations} ${counting}
    (:= Report.window Cwnd))
  (when (or Report.lost Report.timeout) (report))
  (when (> Timer.Micros ${interval}) (report) (reset))`;

const programs: Readonly<Record<SlowStartForm, CompiledProgram>> = {
  algorithm: compile(inAlgorithm(EACH_ROUND)),
  datapath: compile(`${declarations} ${counting}
    ; A window that is not used says nothing about the network (RFC 7661).
    (if (>= (* 2 (+ Flow.bytes_in_flight Ack.bytes_acked)) Cwnd) (:= Cwnd (+ Cwnd Ack.bytes_acked)))
    (:= Report.window Cwnd))
  (when (or Report.lost Report.timeout) (report))`),
  // The first window goes out at once and gives the round trip; from then on the rate rules. Losses are seen a round
  // trip late, when the rate has doubled again: the window is what the rate before filled.
  rate: compile(`${declarations} ${counting}
    (:= Report.window (/ (* Rate Flow.rtt_sample_us) 2000000)))
  (when (or Report.lost Report.timeout) (report))
  (when (== Rate 0)
    (:= Rate (/ (* Cwnd 1000000) Flow.rtt_sample_us))
    (:= Cwnd +infinity)
    (reset))
  (when (> Timer.Micros Flow.rtt_sample_us)
    (:= Rate (* Rate 2))
    (:= Timer.Micros 0))`),
  hystart: compile(`
  (def (Report
    (volatile acked 0) (volatile lost 0) (volatile timeout 0) (volatile rtt +infinity) (window 0) (grown 0))
    (least +infinity) (round +infinity) (samples 0))
  ${counting}
    (if Ack.is_sample
      ((:= least (min least Flow.rtt_sample_us))
      (:= round (min round Flow.rtt_sample_us))
      (:= samples (+ samples 1))))
    (:= Report.grown
      (and (>= samples ${SAMPLES})
           (> round (+ least (max ${LEAST_GROWTH_MICROS} (min ${MOST_GROWTH_MICROS} (/ least 8)))))))
    (if (> Timer.Micros Flow.rtt_sample_us)
      ((:= round +infinity) (:= samples 0) (reset)))
    (if (>= (* 2 (+ Flow.bytes_in_flight Ack.bytes_acked)) Cwnd) (:= Cwnd (+ Cwnd Ack.bytes_acked)))
    (:= Report.window Cwnd))
  (when (or Report.lost Report.timeout Report.grown) (report))`),
};

export interface SlowStartEnd {
  /** The window it had come to when it saw the loss. */
  readonly windowBytes: number;
  readonly rttMicros: number;
  /** Else round trips had grown, and there was nothing to answer. */
  readonly wasLoss: boolean;
  readonly wasTimeout: boolean;
}

export class SlowStart {
  private readonly control: FlowControl;
  private readonly form: SlowStartForm;
  private cwndBytes: number;

  /** Only in the algorithm it is a matter of how often there are reports. */
  constructor(control: FlowControl, form: SlowStartForm, interval = EACH_ROUND) {
    this.control = control;
    this.form = form;
    this.cwndBytes = control.flow.initialCwndBytes;
    const isUsual = form !== 'algorithm' || interval === EACH_ROUND;
    control.install(isUsual ? programs[form] : compile(inAlgorithm(interval)), {
      Cwnd: this.cwndBytes,
      Rate: 0,
    });
  }

  /** Undefined while it goes on. Afterwards another program is to be installed, with Cwnd and Rate. */
  onReport(report: Report): SlowStartEnd | undefined {
    const wasTimeout = report.field('timeout') !== 0;
    const wasLoss = report.field('lost') > 0 || wasTimeout;
    if (wasLoss || (this.form === 'hystart' && report.field('grown') !== 0)) {
      const windowBytes = Math.max(report.field('window'), this.control.flow.mssBytes);
      return { windowBytes, rttMicros: report.field('rtt'), wasLoss, wasTimeout };
    }
    if (this.form === 'algorithm') {
      this.cwndBytes += report.field('acked');
      this.control.update({ Cwnd: this.cwndBytes });
    }
    return undefined;
  }
}
