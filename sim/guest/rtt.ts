// How long to wait for an acknowledgement (RFC 6298), with Linux's floor: the part of the timeout above the smoothed
// round trip is at least 200 ms (TCP_RTO_MIN), where the RFC would have a whole second for the sum.

export const MIN_RTO_MICROS = 200_000;
export const INITIAL_RTO_MICROS = 1_000_000;
export const MAX_RTO_MICROS = 120_000_000;

export class RttEstimator {
  /** 0 before the first sample. */
  srttMicros = 0;
  /** Timeouts since the last sample: each doubles the next (RFC 6298 §5.5). */
  backoffs = 0;
  private rttvarMicros = 0;
  private readonly leastMicros: number;

  constructor(leastMicros = MIN_RTO_MICROS) {
    this.leastMicros = leastMicros;
  }

  sample(rttMicros: number): void {
    this.backoffs = 0;
    if (this.srttMicros === 0) {
      this.srttMicros = rttMicros;
      this.rttvarMicros = rttMicros / 2;
      return;
    }
    this.rttvarMicros = 0.75 * this.rttvarMicros + 0.25 * Math.abs(this.srttMicros - rttMicros);
    this.srttMicros = 0.875 * this.srttMicros + 0.125 * rttMicros;
  }

  get rtoMicros(): number {
    const { srttMicros, rttvarMicros, backoffs } = this;
    const base =
      srttMicros === 0 ? INITIAL_RTO_MICROS : srttMicros + Math.max(4 * rttvarMicros, this.leastMicros);
    return Math.min(base * 2 ** backoffs, MAX_RTO_MICROS);
  }

  /** When to send a tail-loss probe with so many segments in flight (RFC 8985 §7.2, as Linux computes it). */
  probeMicros(segmentsInFlight: number): number {
    if (this.srttMicros === 0) return this.rtoMicros;
    const wait = 2 * this.srttMicros + (segmentsInFlight === 1 ? MIN_RTO_MICROS : PROBE_SLACK_MICROS);
    return Math.min(wait, this.rtoMicros);
  }
}

/** TCP_TIMEOUT_MIN: two ticks of Linux's clock at 1000 Hz. */
const PROBE_SLACK_MICROS = 2000;
