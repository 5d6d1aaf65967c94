// Probing gives way to tenants (ZooRoute §4.2): when more than 7 of the last 10 samples of the processor's utilisation exceed 80 %
// and we probe at 30,000 packets a second or more, intervals double with each such sample; when all ten are below 70 %
// they are as they were. Peers that are far, in another zone, whose failures are more frequent and longer, keep their
// pace until the others have slowed down as far as they go.

const SAMPLES = 10;
const BUSY = 0.8;
const CALM = 0.7;
const MANY_BUSY = 7;
const LEAST_PROBES_PER_SECOND = 30_000;
/** Intervals of one second become 64. */
const MAX_DOUBLINGS = 6;

export class CpuRule {
  private readonly samples: number[] = [];
  private doublings = 0;

  onSample(utilisation: number, probesPerSecond: number): void {
    this.samples.push(utilisation);
    if (this.samples.length > SAMPLES) this.samples.shift();
    const busy = this.samples.filter((sample) => sample > BUSY).length;
    if (busy > MANY_BUSY && probesPerSecond >= LEAST_PROBES_PER_SECOND) {
      this.doublings = Math.min(2 * MAX_DOUBLINGS, this.doublings + 1);
    } else if (this.samples.length === SAMPLES && this.samples.every((sample) => sample < CALM)) {
      this.doublings = 0;
    }
  }

  get isBackedOff(): boolean {
    return this.doublings > 0;
  }

  /** What intervals are multiplied by. */
  factor(isFar: boolean): number {
    const own = isFar ? this.doublings - MAX_DOUBLINGS : Math.min(this.doublings, MAX_DOUBLINGS);
    return 2 ** Math.max(0, own);
  }
}
