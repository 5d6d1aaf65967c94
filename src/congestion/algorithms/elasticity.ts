// Is the cross traffic at the bottleneck elastic? (Goyal et al., "Elasticity Detection: A Building Block for Internet
// Congestion Control", SIGCOMM 2022, §3; CCP §4.7.1.) The sender's rate pulses at a known frequency; traffic that fills
// what is left free answers at that frequency, and the spectrum of its estimated rate has a peak there.

import FFT from 'fft.js';

/** Samples of 10 ms: a little over 5 s. */
const SAMPLES = 512;
export const SAMPLE_MICROS = 10_000;
const HERTZ_PER_BIN = 1e6 / (SAMPLE_MICROS * SAMPLES);
/** An answer smaller than this part of the pulse is at least partly what the estimate makes of the pulse itself. */
const LEAST_ANSWER = 0.4;
/** The most over its surroundings that a small answer is taken for. */
const MOST_OF_SMALL = 3;

export class Elasticity {
  private readonly cross = new Float64Array(SAMPLES);
  private readonly own = new Float64Array(SAMPLES);
  private readonly fft = new FFT(SAMPLES);
  private readonly spectrum: number[] = this.fft.createComplexArray();
  private count = 0;
  private nextMicros = 0;

  /** The rates of cross traffic and of ours behind the bottleneck; those reported late stand for the samples before too. */
  add(nowMicros: number, crossRate: number, ownRate: number): void {
    if (this.count === 0) this.nextMicros = nowMicros;
    for (; this.nextMicros <= nowMicros; this.nextMicros += SAMPLE_MICROS) {
      this.cross[this.count % SAMPLES] = crossRate;
      this.own[this.count++ % SAMPLES] = ownRate;
    }
  }

  /**
   * The height of the cross traffic's peak at `hertz` over the highest between it and its double, where no harmonic of it
   * is; undefined before there are samples enough. Above 2 the traffic is elastic.
   */
  at(hertz: number): number | undefined {
    if (this.count < SAMPLES) return undefined;
    const own = this.peak(this.own, hertz);
    const cross = this.peak(this.cross, hertz);
    if (cross.others === 0) return 0;
    const elasticity = cross.height / cross.others;
    const answer = cross.height / own.height;
    if (answer >= LEAST_ANSWER) return elasticity;
    return (Math.min(elasticity, MOST_OF_SMALL) * answer) / LEAST_ANSWER;
  }

  /** Of the cross traffic over the whole history. */
  get mean(): number {
    const length = Math.min(this.count, SAMPLES);
    return length === 0 ? 0 : this.cross.reduce((sum, rate) => sum + rate, 0) / length;
  }

  /** Our own rate as long ago as the history goes. */
  get oldestOwnRate(): number {
    return this.count < SAMPLES ? this.own[0]! : this.own[this.count % SAMPLES]!;
  }

  private peak(history: Float64Array, hertz: number): { readonly height: number; readonly others: number } {
    this.fft.realTransform(this.spectrum, this.withoutTrend(history));
    return {
      height: this.largest(hertz - 0.5, hertz + 0.5),
      others: this.largest(hertz + 1.5, 2 * hertz - 0.5),
    };
  }

  /** In order of time, less the straight line from the first quarter's mean to the last's. */
  private withoutTrend(history: Float64Array): number[] {
    const values = Array.from({ length: SAMPLES }, (_, i) => history[(this.count + i) % SAMPLES]!);
    const quarter = SAMPLES / 4;
    const mean = (part: readonly number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
    const first = mean(values.slice(0, quarter));
    const slope = (mean(values.slice(-quarter)) - first) / (SAMPLES - quarter);
    return values.map((value, i) => value - first - slope * (i - quarter / 2));
  }

  private largest(fromHertz: number, toHertz: number): number {
    let largest = 0;
    for (let bin = Math.ceil(fromHertz / HERTZ_PER_BIN); bin * HERTZ_PER_BIN <= toHertz; bin++) {
      largest = Math.max(largest, Math.hypot(this.spectrum[2 * bin]!, this.spectrum[2 * bin + 1]!));
    }
    return largest;
  }
}
