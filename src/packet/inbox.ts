// What came from the underlay in one turn: runs of datagrams of one size from one source, as the kernel
// coalesced them (UDP_GRO), or single datagrams.

/** Words of a run: offset, length in all, size of each datagram (the last may be shorter), IPv4 source address. */
export const RUN_WORDS = 4;

export class Inbox {
  readonly runs: Uint32Array;
  readonly capacity: number;
  /** Microseconds at which each run was received, on the clock of the thread. */
  readonly arrivedMicros: Float64Array;
  count = 0;

  constructor(capacity = 64) {
    this.capacity = capacity;
    this.runs = new Uint32Array(capacity * RUN_WORDS);
    this.arrivedMicros = new Float64Array(capacity);
  }

  push(offset: number, length: number, size: number, source: number, arrivedMicros: number): void {
    const at = this.count * RUN_WORDS;
    this.runs[at] = offset;
    this.runs[at + 1] = length;
    this.runs[at + 2] = size;
    this.runs[at + 3] = source;
    this.arrivedMicros[this.count++] = arrivedMicros;
  }

  clear(): void {
    this.count = 0;
  }
}
