// BBR (Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 2016), its two steady modes as CCP §4.4.3
// has them: sends at the largest rate at which anything was delivered, a quarter more for a round trip of eight and a
// quarter less in the next; every ten seconds without a shorter round trip, 200 ms with four packets to see it again.

import type { Algorithm, Controller, FlowControl, Report } from '../algorithm.ts';
import { compile } from '../language/compiler.ts';

const BANDWIDTH_ROUNDS = 10;
const MIN_RTT_WINDOW_MICROS = 10_000_000;
const PROBE_RTT_PACKETS = 4;
/** Pacing gains: probe, drain, cruise. */
const gains = [1.25, 0.75, 1] as const;

const probeBandwidth = compile(`
(def
  (Report
    (volatile rtt +infinity)
    (volatile rate 0)
    (phase 0))
  (bandwidth 0)
  (round 0))
(when true
  (:= Report.rtt (min Report.rtt Flow.rtt_sample_us))
  (:= Report.rate (max Report.rate (min Flow.rate_outgoing Flow.rate_incoming)))
  (fallthrough))
(when (and (== Report.phase 0) (> Timer.Micros round))
  (:= Rate (/ (* bandwidth 3) 4))
  (:= Report.phase 1)
  (report))
(when (and (== Report.phase 1) (> Timer.Micros (* round 2)))
  (:= Rate bandwidth)
  (:= Report.phase 2)
  (report))
(when (and (== Report.phase 2) (> Timer.Micros (* round 8)))
  (:= Rate (/ (* bandwidth 5) 4))
  (:= Report.phase 0)
  (report)
  (reset))
`);

const probeRtt = compile(`
(def (Report (rtt +infinity)))
(when true
  (:= Report.rtt (min Report.rtt Flow.rtt_sample_us))
  (fallthrough))
(when (and (> Timer.Micros 200000) (<= Flow.packets_in_flight ${PROBE_RTT_PACKETS})) (report))
`);

/** Round trip for the time before the first sample. */
const UNKNOWN_RTT_MICROS = 100_000;

class Bbr implements Controller {
  private readonly control: FlowControl;
  private mode: 'bandwidth' | 'rtt' = 'bandwidth';
  private minRttMicros = Number.POSITIVE_INFINITY;
  private minRttSeenMicros: number;
  /** The latest rates, in bytes a second, and when they were seen. */
  private rates: { readonly rate: number; readonly nowMicros: number }[] = [];

  constructor(control: FlowControl, nowMicros: number) {
    this.control = control;
    this.minRttSeenMicros = nowMicros;
    this.install();
  }

  onReport(report: Report): void {
    const { nowMicros } = report;
    const rttMicros = report.field('rtt');
    if (this.mode === 'rtt') {
      this.mode = 'bandwidth';
      this.minRttMicros = rttMicros;
      this.minRttSeenMicros = nowMicros;
      this.install();
      return;
    }
    const isFirst = this.rates.length === 0;
    if (rttMicros < this.minRttMicros) {
      this.minRttMicros = rttMicros;
      this.minRttSeenMicros = nowMicros;
    }
    this.seeRate(nowMicros, report.field('rate'));
    if (nowMicros > this.minRttSeenMicros + MIN_RTT_WINDOW_MICROS) this.probeRtt();
    else if (isFirst) this.install();
    else this.control.update(this.values(gains[report.field('phase')] ?? 1));
  }

  private get bandwidth(): number {
    const { initialCwndBytes } = this.control.flow;
    const initial = (initialCwndBytes * 1e6) / Math.min(this.minRttMicros, UNKNOWN_RTT_MICROS);
    return this.rates.reduce((largest, { rate }) => Math.max(largest, rate), 0) || initial;
  }

  private seeRate(nowMicros: number, rate: number): void {
    const oldestMicros = nowMicros - BANDWIDTH_ROUNDS * this.minRttMicros;
    this.rates = this.rates.filter((each) => each.nowMicros >= oldestMicros);
    if (rate > 0) this.rates.push({ rate, nowMicros });
  }

  private install(): void {
    this.control.install(probeBandwidth, this.values(gains[0]));
  }

  private probeRtt(): void {
    this.mode = 'rtt';
    this.control.install(probeRtt, { Cwnd: PROBE_RTT_PACKETS * this.control.flow.mssBytes });
  }

  private values(gain: number) {
    const { bandwidth } = this;
    const round = Math.min(this.minRttMicros, UNKNOWN_RTT_MICROS);
    const Cwnd = Math.max((2 * bandwidth * round) / 1e6, PROBE_RTT_PACKETS * this.control.flow.mssBytes);
    return { Cwnd, Rate: bandwidth * gain, bandwidth, round };
  }
}

export const bbr: Algorithm = { name: 'bbr', onCreate: (control, nowMicros) => new Bbr(control, nowMicros) };
