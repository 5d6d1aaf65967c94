// What an algorithm's thread is doing, for whoever watches it: it need not be asked, and need not answer.

export class Progress {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly counts: Float64Array;

  constructor(memory = new SharedArrayBuffer(64)) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, 2);
    this.counts = new Float64Array(memory, 8);
  }

  /** Odd while a handler of the algorithm runs; another number for each call. */
  get call(): number {
    return Atomics.load(this.words, 0);
  }

  enter(): void {
    Atomics.add(this.words, 0, 1);
  }

  leave(): void {
    Atomics.add(this.words, 0, 1);
  }

  get reports(): number {
    return this.counts[0]!;
  }

  set reports(count: number) {
    this.counts[0] = count;
  }

  get commands(): number {
    return this.counts[1]!;
  }

  set commands(count: number) {
    this.counts[1] = count;
  }

  /** Messages that were none, and commands that a datapath left no room for. */
  get bad(): number {
    return this.counts[2]!;
  }

  set bad(count: number) {
    this.counts[2] = count;
  }
}
