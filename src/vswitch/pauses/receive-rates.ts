// R_recv of each flow (Backdraft §4.3): how fast its owner takes, as an exponentially weighted moving average. Only time
// in which something waited counts; what an owner that keeps up takes is its sender's rate and says nothing of its own.
//
// Owners read in batches, some of them rarely: a sample is as long as it takes to see a millisecond of waiting end with a
// read, and weighs by its length. While nothing is read for longer than the last batch should last, the estimate sinks with
// time, so that an owner that stops is seen; before, it is between two batches, and its rate is what it was.

import { type Columns, clearRow, columnsOf } from '../../base/columns.ts';

const SAMPLE_MICROS = 1_000;
/** A sample of this length weighs as much as all before it. */
const MEMORY_MICROS = 8_000;

const SHAPE = {
  /** Bytes per second; what it is worth says `known`. */
  rate: Float64Array,
  known: Uint8Array,
  /** Something has waited since, as far as it was not sampled yet. */
  since: Float64Array,
  waits: Uint8Array,
  /** Of the sample that is not complete: time of waiting before `since`, and bytes taken. */
  micros: Float64Array,
  bytes: Float64Array,
  /** What was taken last, all at once. */
  batch: Float64Array,
} as const;

export type ReceiveRatesState = Columns<typeof SHAPE>;

export class ReceiveRates {
  private columns: Columns<typeof SHAPE>;

  constructor(old?: ReceiveRatesState) {
    this.columns = old ?? columnsOf(SHAPE, 64);
  }

  save(): ReceiveRatesState {
    return this.columns;
  }

  /** Something waits that did not. */
  begin(now: number, flow: number): void {
    if (flow >= this.columns.rate.length) {
      this.columns = columnsOf(SHAPE, Math.max(flow + 1, this.columns.rate.length * 2), this.columns);
    }
    this.columns.since[flow] = now;
    this.columns.waits[flow] = 1;
  }

  /** The owner took bytes; `isLast`: nothing waits any more. */
  taken(now: number, flow: number, bytes: number, isLast: boolean): void {
    const { columns } = this;
    columns.bytes[flow]! += bytes;
    columns.batch[flow] = now === columns.since[flow] ? columns.batch[flow]! + bytes : bytes;
    columns.micros[flow]! += now - columns.since[flow]!;
    columns.since[flow] = now;
    if (isLast) columns.waits[flow] = 0;
    const micros = columns.micros[flow]!;
    if (micros < SAMPLE_MICROS) return;
    const sample = (columns.bytes[flow]! / micros) * 1e6;
    const weight = columns.known[flow] === 1 ? micros / (micros + MEMORY_MICROS) : 1;
    columns.rate[flow]! += weight * (sample - columns.rate[flow]!);
    columns.known[flow] = 1;
    columns.micros[flow] = 0;
    columns.bytes[flow] = 0;
  }

  /** The owner is known to have taken so much. */
  atLeast(flow: number, bytesPerSecond: number): void {
    const { rate, known } = this.columns;
    if (known[flow] === 0 || rate[flow]! < bytesPerSecond) rate[flow] = bytesPerSecond;
    known[flow] = 1;
  }

  isKnown(flow: number): boolean {
    return this.columns.known[flow] === 1;
  }

  /** Infinity: it is not known. */
  bytesPerSecond(now: number, flow: number): number {
    const { columns } = this;
    if (flow >= columns.rate.length) return Number.POSITIVE_INFINITY;
    const rate = columns.rate[flow]!;
    const isKnown = columns.known[flow] === 1;
    if (columns.waits[flow] === 0) return isKnown ? rate : Number.POSITIVE_INFINITY;
    const micros = columns.micros[flow]! + now - columns.since[flow]!;
    if (micros < SAMPLE_MICROS) return isKnown ? rate : Number.POSITIVE_INFINITY;
    if (!isKnown) return (columns.bytes[flow]! / micros) * 1e6;
    // As if the next batch came just now.
    const sample = ((columns.bytes[flow]! + columns.batch[flow]!) / micros) * 1e6;
    return sample < rate ? rate + (micros / (micros + MEMORY_MICROS)) * (sample - rate) : rate;
  }

  forget(flow: number): void {
    if (flow < this.columns.rate.length) clearRow(this.columns, flow);
  }
}
