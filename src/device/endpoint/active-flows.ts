// Which flows of an endpoint have frames to be read, and whose turn it is: those of the most urgent priority, in turn, each
// for as many bytes as its weight allows (deficit round robin). Flows that rest are in no list and cost nothing.

const PRIORITIES = 8;
const NONE = -1;
/** Bytes of a turn at weight 1: a frame of any usual size fits, and of small ones several. */
const QUANTUM_BYTES = 2048;

export class ActiveFlows {
  readonly weights: Uint8Array;
  readonly priorities: Uint8Array;
  /** Bytes that a flow may still read in its turn. */
  readonly deficits: Int32Array;
  private readonly listed: Uint8Array;
  private readonly next: Int32Array;
  private readonly first = new Int32Array(PRIORITIES).fill(NONE);
  private readonly last = new Int32Array(PRIORITIES).fill(NONE);
  /** A bit for each priority that has flows. */
  private waiting = 0;

  constructor(flows: number) {
    this.weights = new Uint8Array(flows).fill(1);
    this.priorities = new Uint8Array(flows);
    this.deficits = new Int32Array(flows);
    this.listed = new Uint8Array(flows);
    this.next = new Int32Array(flows);
  }

  get isEmpty(): boolean {
    return this.waiting === 0;
  }

  add(flow: number): void {
    if (this.listed[flow] === 1) return;
    this.listed[flow] = 1;
    this.deficits[flow] = 0;
    this.append(flow);
  }

  /** The flow whose turn it is, with its share of bytes added; -1 when there is none. It is in no list until `again`. */
  take(): number {
    if (this.waiting === 0) return NONE;
    const priority = 31 - Math.clz32(this.waiting & -this.waiting);
    const flow = this.first[priority]!;
    const next = this.next[flow]!;
    this.first[priority] = next;
    if (next === NONE) {
      this.last[priority] = NONE;
      this.waiting &= ~(1 << priority);
    }
    // What was left because there was no room for more is not its to keep.
    this.deficits[flow] = Math.min(0, this.deficits[flow]!) + QUANTUM_BYTES * this.weights[flow]!;
    return flow;
  }

  /** It has more: behind the others of its priority. */
  again(flow: number): void {
    this.append(flow);
  }

  /** It has no more: what it did not use is not kept. */
  done(flow: number): void {
    this.listed[flow] = 0;
  }

  private append(flow: number): void {
    const priority = this.priorities[flow]!;
    this.next[flow] = NONE;
    const last = this.last[priority]!;
    if (last === NONE) this.first[priority] = flow;
    else this.next[last] = flow;
    this.last[priority] = flow;
    this.waiting |= 1 << priority;
  }
}
