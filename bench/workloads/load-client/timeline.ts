// When what happened, over all phases of a load: how much was answered in each bin of time and how slowly, the longer
// gaps, and the failures. Times are those of the caller's clock, in milliseconds.
import type { CompletionGap, Timeline, TimelineSpec } from './protocol.ts';

export class TimelineRecorder {
  private readonly spec: TimelineSpec;
  private startedAt: number;
  private bins: { completed: number; longestMillis: number; longestGapMillis: number }[] = [];
  private gaps: CompletionGap[] = [];
  private failures: number[] = [];

  constructor(spec: TimelineSpec, now: number) {
    this.spec = spec;
    this.startedAt = now;
  }

  restart(now: number): void {
    this.startedAt = now;
    this.bins = [];
    this.gaps = [];
    this.failures = [];
  }

  complete(startedAt: number, now: number): void {
    const bin = this.binAt(now);
    bin.completed++;
    bin.longestMillis = Math.max(bin.longestMillis, now - startedAt);
  }

  gap(from: number, to: number): void {
    const bin = this.binAt(to);
    bin.longestGapMillis = Math.max(bin.longestGapMillis, to - from);
    if (to - from >= this.spec.gapMillis) this.gaps.push({ from, to });
  }

  fail(now: number): void {
    this.failures.push(now);
  }

  /** `clockOrigin`: the zero of the caller's clock, in milliseconds since the epoch. */
  timeline(clockOrigin: number): Timeline {
    const { bins, gaps, failures, spec } = this;
    return {
      startedAt: this.startedAt + clockOrigin,
      binMillis: spec.binMillis,
      bins,
      gaps: gaps.map(({ from, to }) => ({ from: from + clockOrigin, to: to + clockOrigin })),
      failures: failures.map((at) => at + clockOrigin),
    };
  }

  private binAt(now: number) {
    const { bins, spec } = this;
    const index = Math.floor((now - this.startedAt) / spec.binMillis);
    while (bins.length <= index) bins.push({ completed: 0, longestMillis: 0, longestGapMillis: 0 });
    return bins[index]!;
  }
}
