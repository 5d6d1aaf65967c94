// Copying records out of an array, ring or caller's, by the engine's own copy and without an object a copy: views of
// fixed places are made once and kept, of one record each, or of as many small ones as make a run that libc copies well
// (copy.ts). What does not begin and end at such places is copied as before.
import { copyWords, LOOP_WORDS, RUN_WORDS } from './copy.ts';

/** Views that are kept; what lies behind them in a very long ring goes without. */
const MOST_VIEWS = 1024;

export class RecordViews {
  readonly array: Uint32Array;
  private readonly origin: number;
  private readonly recordWords: number;
  /** A power of two. */
  private readonly unitRecords: number;
  /** Of a unit: more than one where a record is longer than a run. */
  private readonly runs: number;
  private readonly views: (Uint32Array | undefined)[] = [];

  /** Record 0 lies at word `origin`. */
  constructor(array: Uint32Array, origin: number, recordWords: number) {
    this.array = array;
    this.origin = origin;
    this.recordWords = recordWords;
    this.unitRecords = recordWords > LOOP_WORDS ? 1 : 2 ** Math.floor(Math.log2(RUN_WORDS / recordWords));
    this.runs = Math.ceil((this.unitRecords * recordWords) / RUN_WORDS);
  }

  /** Copies `records` of them, from record `first` on, to word `at` of `to`. */
  copyTo(to: Uint32Array, at: number, first: number, records: number): void {
    const { array, origin, recordWords } = this;
    const words = records * recordWords;
    if (words > LOOP_WORDS) this.copyMany(to, at, first, records);
    else for (let i = 0, from = origin + first * recordWords; i < words; i++) to[at + i] = array[from + i]!;
  }

  private copyMany(to: Uint32Array, at: number, first: number, records: number): void {
    const { array, origin, recordWords, unitRecords } = this;
    const end = first + records;
    let next = at;
    for (let record = first; record < end; ) {
      const within = record & (unitRecords - 1);
      const count = Math.min(unitRecords - within, end - record);
      if (count === unitRecords && count * recordWords > LOOP_WORDS)
        this.copyUnit(to, next, record / unitRecords);
      else copyWords(to, next, array, origin + record * recordWords, count * recordWords);
      next += count * recordWords;
      record += count;
    }
  }

  private copyUnit(to: Uint32Array, at: number, unit: number): void {
    for (let run = 0; run < this.runs; run++) {
      const index = unit * this.runs + run;
      const view = this.views[index] ?? this.makeView(unit, run, index);
      to.set(view, at + run * RUN_WORDS);
    }
  }

  private makeView(unit: number, run: number, index: number): Uint32Array {
    const words = this.unitRecords * this.recordWords;
    const start = this.origin + unit * words;
    const end = start + Math.min(words, (run + 1) * RUN_WORDS);
    const view = this.array.subarray(start + run * RUN_WORDS, end);
    // In their order: an array with holes would be slow to look into.
    if (index < MOST_VIEWS) {
      while (this.views.length < index) this.views.push(undefined);
      this.views[index] = view;
    }
    return view;
  }
}
