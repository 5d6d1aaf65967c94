// Many senders to one receiver at once, in a data centre (CCP §4.6.3, figure 4.9): when has the last of their flows ended?
// The algorithm acts once an interval only, on reports that are stale, against Reno in the datapath that acts upon every
// acknowledgement.

import { SeededRng } from '../../src/base/rng.ts';
import type { Algorithm, Controller, FlowControl, Report } from '../../src/congestion/algorithm.ts';
import { renoLaw } from '../../src/congestion/algorithms/reno.ts';
import { roundOf } from '../../src/congestion/algorithms/round.ts';
import { deafUntil, type WindowLaw } from '../../src/congestion/algorithms/window.ts';
import { compile } from '../../src/congestion/language/compiler.ts';
import { Dumbbell } from './dumbbell.ts';
import { MSS_BYTES } from './flow.ts';

export interface IncastOptions {
  readonly bitsPerSecond: number;
  readonly senders: number;
  readonly packetsEach: number;
  readonly rttMicros: number;
  readonly queuePackets: number;
  /** Flows start at random within so long. */
  readonly jitterMicros: number;
  /** From a report until its answer is in the datapath. */
  readonly staleMicros: number;
  readonly leastTimeoutMicros: number;
  /** Absent: the datapath acts by itself. */
  readonly reportMicros?: number;
  readonly seed: number;
}

const PATIENCE_MICROS = 60e6;

/** Microseconds from the first flow's beginning until the last has ended. */
export function incastMicros(options: IncastOptions): number {
  const { bitsPerSecond, senders, packetsEach, rttMicros, leastTimeoutMicros, reportMicros, seed } = options;
  const rng = new SeededRng(seed);
  const algorithm = reportMicros === undefined ? undefined : periodicReno(reportMicros);
  const setups = Array.from({ length: senders }, () => ({
    ...(algorithm !== undefined && { algorithm }),
    rttMicros,
    segments: packetsEach,
    startMicros: (rng.u32() / 2 ** 32) * options.jitterMicros,
    leastTimeoutMicros,
  }));
  const queueBytes = options.queuePackets * MSS_BYTES;
  const reportDelayMicros = options.staleMicros / 2;
  const network = new Dumbbell({ seed, bitsPerSecond, queueBytes, reportDelayMicros }, setups);
  network.runUntil(options.jitterMicros);
  const last = () => Math.max(...network.flows.map(({ sender }) => sender.finishedAtMicros));
  const isOver = () =>
    network.flows.every(({ sender }) => sender.finishedAtMicros < Number.POSITIVE_INFINITY);
  network.clock.runWhileNot(isOver, PATIENCE_MICROS);
  return last() - Math.min(...setups.map(({ startMicros }) => startMicros));
}

/** All of Reno outside of the datapath, slow start too, and losses wait for the next report. */
function periodicReno(intervalMicros: number): Algorithm {
  const program = compile(`
(def (Report
  (volatile acked 0) (volatile marked 0) (volatile lost 0) (volatile timeout 0) (volatile used 0) (volatile rtt +infinity)))
(when true
  (:= Report.acked (+ Report.acked Ack.bytes_acked))
  (:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
  (:= Report.timeout (or Report.timeout Flow.was_timeout))
  (:= Report.rtt (min Report.rtt Flow.rtt_sample_us))
  (fallthrough))
(when (> Timer.Micros ${intervalMicros}) (report) (reset))`);
  return {
    name: 'periodic reno',
    onCreate: (control) => {
      control.install(program);
      return new PeriodicReno(control);
    },
  };
}

class PeriodicReno implements Controller {
  private readonly control: FlowControl;
  private readonly law: WindowLaw;
  private cwndBytes: number;
  private ssthreshBytes = Number.POSITIVE_INFINITY;
  private deafUntilMicros = 0;

  constructor(control: FlowControl) {
    this.control = control;
    this.law = renoLaw(control.flow.mssBytes);
    this.cwndBytes = control.flow.initialCwndBytes;
  }

  onReport(report: Report): void {
    const round = roundOf(report);
    const { nowMicros, rttMicros, wasTimeout, lostPackets, ackedBytes } = round;
    const { mssBytes } = this.control.flow;
    if (wasTimeout || (lostPackets > 0 && nowMicros >= this.deafUntilMicros)) {
      this.ssthreshBytes = Math.max(this.law.decreased(this.cwndBytes), 2 * mssBytes);
      this.cwndBytes = wasTimeout ? mssBytes : this.ssthreshBytes;
      this.deafUntilMicros = deafUntil(nowMicros, rttMicros, this.cwndBytes / mssBytes);
    } else if (lostPackets === 0) {
      const isStart = this.cwndBytes < this.ssthreshBytes;
      this.cwndBytes = isStart ? this.cwndBytes + ackedBytes : this.law.increased(this.cwndBytes, round);
    }
    this.control.update({ Cwnd: this.cwndBytes });
  }
}
