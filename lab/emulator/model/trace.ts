// Traces of links in the format of Mahimahi (Netravali et al., USENIX ATC 2015): a line for every opportunity to send 1504
// bytes, a full packet and the 4 bytes that a TUN device puts before it, with its time in whole milliseconds. After the
// last line it begins again: the last time is the length.
import { SelvageError } from '../../../src/base/errors.ts';

export const OPPORTUNITY_BYTES = 1504;

/** Neither empty nor over at once; in order. */
export type TraceMillis = readonly number[];

/** `name` is for errors. */
export function parseTrace(text: string, name: string): TraceMillis {
  const lines = text.replace(/\s+$/, '').split('\n');
  if (lines[0] === '') throw unusable(`The trace ${name} is empty.`);
  const times: number[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.replace(/\r$/, '');
    const millis = /^\d{1,10}$/.test(line) ? Number(line) : Number.NaN;
    const before = times[i - 1] ?? 0;
    if (Number.isNaN(millis)) {
      throw unusable(
        `Line ${i + 1} of the trace ${name} is no time in milliseconds: “${line.slice(0, 40)}”.`,
      );
    }
    if (millis < before) {
      throw unusable(`Line ${i + 1} of the trace ${name} goes back in time, from ${before} to ${millis} ms.`);
    }
    times.push(millis);
  }
  if (times[times.length - 1] === 0) throw unusable(`The trace ${name} is over at 0 ms.`);
  return times;
}

export function meanBitsPerSecond(trace: TraceMillis): number {
  return (trace.length * OPPORTUNITY_BYTES * 8 * 1000) / trace[trace.length - 1]!;
}

/** When the opportunities of a trace come that begins at a time and repeats itself. */
export class OpportunitySchedule {
  private readonly micros: Float64Array;
  private readonly periodMicros: number;
  private readonly startMicros: number;
  private index = 0;
  private repeats = 0;

  constructor(trace: TraceMillis, startMicros: number) {
    this.micros = Float64Array.from(trace, (millis) => millis * 1000);
    this.periodMicros = this.micros[this.micros.length - 1]!;
    this.startMicros = startMicros;
  }

  get nextMicros(): number {
    return this.startMicros + this.repeats * this.periodMicros + this.micros[this.index]!;
  }

  /** The next one is over. */
  use(): void {
    this.index++;
    if (this.index < this.micros.length) return;
    this.index = 0;
    this.repeats++;
  }

  /** All until a time are over, and that one's, too; how many. */
  skip(untilMicros: number): number {
    if (this.nextMicros > untilMicros) return 0;
    const { length } = this.micros;
    const before = this.repeats * length + this.index;
    const elapsed = untilMicros - this.startMicros;
    this.repeats = Math.max(this.repeats, Math.floor(elapsed / this.periodMicros));
    this.index = this.countUntil(elapsed - this.repeats * this.periodMicros);
    return this.repeats * length + this.index - before;
  }

  /** Of the opportunities of one repeat; never all, since the time is within it. */
  private countUntil(micros: number): number {
    let low = 0;
    let high = this.micros.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.micros[middle]! <= micros) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function unusable(sentence: string): SelvageError {
  return new SelvageError('bad-input', sentence, {
    hint: 'A trace has a whole number of milliseconds on each line, none smaller than the one before.',
  });
}
