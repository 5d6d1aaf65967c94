// How long packets waited: a count for every 10 µs up to ten seconds, so that percentiles are exact to that;
// one beyond is given as the longest.
const STEP_MICROS = 10;
const STEPS = 1_000_000;

export class Delays {
  count = 0;
  maxMicros = 0;
  private readonly counts = new Uint32Array(STEPS);

  record(micros: number): void {
    this.count++;
    if (micros > this.maxMicros) this.maxMicros = micros;
    this.counts[Math.min(STEPS - 1, Math.floor(micros / STEP_MICROS))]!++;
  }

  /** The delay that this share of the packets (0 to 1) did not exceed; 0 when there were none. */
  percentileMicros(share: number): number {
    if (this.count === 0) return 0;
    let left = Math.max(1, Math.ceil(this.count * share));
    let step = 0;
    while (left > this.counts[step]!) left -= this.counts[step++]!;
    if (step === STEPS - 1) return this.maxMicros;
    return Math.min(this.maxMicros, (step + 0.5) * STEP_MICROS);
  }
}
