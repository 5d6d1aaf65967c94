// Counts what happens on all connections, phase by phase. Time is an argument, in milliseconds.
import { LatencyHistogram } from '../latency-histogram.ts';
import type { PhaseReport, Timeline, TimelineSpec } from './protocol.ts';
import { TimelineRecorder } from './timeline.ts';

interface Phase {
  readonly name: string;
  readonly startedAt: number;
  readonly latencies: LatencyHistogram;
  failed: number;
  longestGapMillis: number;
}

export class Tally {
  completed = 0;
  failed = 0;
  private readonly done: PhaseReport[] = [];
  private phase: Phase;
  /** When each connection last completed a request, or began. */
  private readonly lastCompletion: Float64Array;
  private readonly recorder: TimelineRecorder | undefined;

  constructor(connections: number, phase: string, now: number, timeline?: TimelineSpec) {
    this.recorder = timeline && new TimelineRecorder(timeline, now);
    this.lastCompletion = new Float64Array(connections).fill(now);
    this.phase = newPhase(phase, now);
  }

  /** All connections are there: the first phase and the first gaps begin. */
  restart(now: number): void {
    this.phase = newPhase(this.phase.name, now);
    this.lastCompletion.fill(now);
    this.recorder?.restart(now);
  }

  complete(connection: number, startedAt: number, now: number): void {
    this.completed++;
    this.phase.latencies.record((now - startedAt) * 1000);
    this.recorder?.complete(startedAt, now);
    this.endGap(connection, now);
    this.lastCompletion[connection] = now;
  }

  fail(now: number): void {
    this.failed++;
    this.phase.failed++;
    this.recorder?.fail(now);
  }

  enterPhase(name: string, now: number): void {
    this.done.push(reportOf(this.phase, now));
    this.phase = newPhase(name, now);
  }

  /** Ends the last phase, and with it the gaps that are open. */
  finish(now: number): readonly PhaseReport[] {
    this.lastCompletion.forEach((_, connection) => {
      this.endGap(connection, now);
    });
    return [...this.done, reportOf(this.phase, now)];
  }

  stalledMillis(now: number): number {
    return now - Math.min(...this.lastCompletion);
  }

  /** What was recorded; times are this clock's and `clockOrigin` its zero. */
  timeline(clockOrigin: number): Timeline | undefined {
    return this.recorder?.timeline(clockOrigin);
  }

  private endGap(connection: number, now: number): void {
    const gap = now - this.lastCompletion[connection]!;
    if (gap > this.phase.longestGapMillis) this.phase.longestGapMillis = gap;
    this.recorder?.gap(this.lastCompletion[connection]!, now);
  }
}

function newPhase(name: string, startedAt: number): Phase {
  return { name, startedAt, latencies: new LatencyHistogram(), failed: 0, longestGapMillis: 0 };
}

function reportOf({ name, startedAt, latencies, failed, longestGapMillis }: Phase, now: number): PhaseReport {
  const seconds = (now - startedAt) / 1000;
  return {
    phase: name,
    seconds,
    completed: latencies.count,
    failed,
    requestsPerSecond: seconds > 0 ? latencies.count / seconds : 0,
    p50Micros: latencies.percentileMicros(0.5),
    p99Micros: latencies.percentileMicros(0.99),
    p999Micros: latencies.percentileMicros(0.999),
    maxMicros: latencies.maxMicros,
    longestGapMicros: longestGapMillis * 1000,
  };
}
