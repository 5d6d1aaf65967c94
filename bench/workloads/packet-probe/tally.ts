// What a receiver of numbered packets sees: gaps, losses, doubles, and packets that were overtaken. Times are arguments,
// in microseconds of one clock for both ends.

export interface ProbePhase {
  readonly packets: number;
  /** Numbers left out, less those that came after all. */
  readonly lost: number;
  readonly duplicated: number;
  /** Came after one that was sent later. */
  readonly reordered: number;
  /** The longer gaps, in order. */
  readonly gaps: readonly Gap[];
}

/** A time without a packet, less what the sender was late by itself. */
export interface Gap {
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly micros: number;
}

/** Shorter ones are not remembered. */
const REMEMBERED_MICROS = 500;

/** The longest that reaches into an interval, or 0. */
export function longestGap(gaps: readonly Gap[], fromMicros: number, toMicros: number): number {
  const within = gaps.filter((gap) => gap.toMicros > fromMicros && gap.fromMicros < toMicros);
  return Math.max(0, ...within.map(({ micros }) => micros));
}

export class ProbeTally {
  private readonly intervalMicros: number;
  private next = -1;
  private lastArrived = 0;
  private lastSent = 0;
  private readonly missing = new Set<number>();
  private packets = 0;
  private lost = 0;
  private duplicated = 0;
  private reordered = 0;
  private gaps: Gap[] = [];

  /** The sender sends at least so often. */
  constructor(intervalMicros: number) {
    this.intervalMicros = intervalMicros;
  }

  take(number: number, sentMicros: number, arrivedMicros: number): void {
    this.packets++;
    if (this.next < 0) this.next = number;
    else this.endGap(sentMicros, arrivedMicros);
    this.lastArrived = arrivedMicros;
    this.lastSent = Math.max(this.lastSent, sentMicros);
    if (number >= this.next) {
      for (let skipped = this.next; skipped < number; skipped++) this.missing.add(skipped);
      this.lost += number - this.next;
      this.next = number + 1;
    } else if (this.missing.delete(number)) {
      this.lost--;
      this.reordered++;
    } else {
      this.duplicated++;
    }
  }

  endPhase(): ProbePhase {
    const { packets, lost, duplicated, reordered, gaps } = this;
    this.packets = 0;
    this.lost = 0;
    this.duplicated = 0;
    this.reordered = 0;
    this.gaps = [];
    return { packets, lost, duplicated, reordered, gaps };
  }

  private endGap(sentMicros: number, arrivedMicros: number): void {
    const senderLate = Math.max(0, sentMicros - this.lastSent - this.intervalMicros);
    const gap = arrivedMicros - this.lastArrived - senderLate;
    if (gap < REMEMBERED_MICROS) return;
    this.gaps.push({ fromMicros: this.lastArrived, toMicros: arrivedMicros, micros: gap });
  }
}
