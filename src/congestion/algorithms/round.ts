// What most algorithms want to know, once a round trip and at once upon loss (CCP §4.3.2, §4.6.1): how much was
// acknowledged, marked and lost, and the least round trip among the samples.

import type { Report } from '../algorithm.ts';
import { type CompiledProgram, compile } from '../language/compiler.ts';

/** How long to wait from one report to the next, as programs say it: a round trip, or a number of microseconds. */
export const EACH_ROUND = 'Flow.rtt_sample_us';

export const roundProgram = summariesEvery(EACH_ROUND);

/** The same at other intervals; with 0 for every acknowledgement. */
export function summariesEvery(interval: string): CompiledProgram {
  return compile(`
(def (Report
  (volatile acked 0)
  (volatile marked 0)
  (volatile lost 0)
  (volatile timeout 0)
  (volatile used 0)
  (volatile rtt +infinity)))
(when true
  (:= Report.acked (+ Report.acked Ack.bytes_acked))
  (:= Report.marked (+ Report.marked Ack.ecn_bytes))
  (:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
  (:= Report.timeout (or Report.timeout Flow.was_timeout))
  (:= Report.used (max Report.used (+ Flow.bytes_in_flight Ack.bytes_acked)))
  (:= Report.rtt (min Report.rtt Flow.rtt_sample_us))
  (fallthrough))
(when (or Report.lost Report.timeout) (report))
(when (> Timer.Micros ${interval}) (report) (reset))
`);
}

export interface Round {
  readonly nowMicros: number;
  readonly ackedBytes: number;
  readonly markedBytes: number;
  readonly lostPackets: number;
  readonly wasTimeout: boolean;
  /** The most that was in flight. */
  readonly usedBytes: number;
  readonly rttMicros: number;
}

export function roundOf(report: Report): Round {
  return {
    nowMicros: report.nowMicros,
    ackedBytes: report.field('acked'),
    markedBytes: report.field('marked'),
    lostPackets: report.field('lost'),
    wasTimeout: report.field('timeout') !== 0,
    usedBytes: report.field('used'),
    rttMicros: report.field('rtt'),
  };
}
