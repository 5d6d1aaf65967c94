// Virtual time in microseconds and what is to happen when. Events of one moment happen in the order in which they
// were asked for, so a run is the same every time.

interface Event {
  readonly atMicros: number;
  readonly order: number;
  readonly run: () => void;
}

export class Clock {
  nowMicros: number;
  private readonly heap: Event[] = [];
  private order = 0;

  constructor(nowMicros: number) {
    this.nowMicros = nowMicros;
  }

  /** Events that have not happened yet. */
  get pending(): number {
    return this.heap.length;
  }

  /** Does `run` at a time; at once, but after what is due already, when that time is over. */
  at(atMicros: number, run: () => void): void {
    const event = { atMicros: Math.max(atMicros, this.nowMicros), order: this.order++, run };
    const { heap } = this;
    let i = heap.length;
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (!before(event, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = event;
  }

  after(micros: number, run: () => void): void {
    this.at(this.nowMicros + micros, run);
  }

  /** Lets the next event happen, unless it lies beyond `untilMicros`; false when there is none. */
  step(untilMicros = Number.POSITIVE_INFINITY): boolean {
    const first = this.heap[0];
    if (first === undefined || first.atMicros > untilMicros) return false;
    this.removeFirst();
    this.nowMicros = first.atMicros;
    first.run();
    return true;
  }

  /** Lets everything happen up to a time, which is the time then. */
  runUntil(untilMicros: number): void {
    while (this.step(untilMicros));
    this.nowMicros = Math.max(this.nowMicros, untilMicros);
  }

  /** Goes on until `done`, at most up to a time; whether it was done by then. */
  runWhileNot(done: () => boolean, untilMicros: number): boolean {
    while (!done()) {
      if (!this.step(untilMicros)) {
        this.nowMicros = Math.max(this.nowMicros, untilMicros);
        return done();
      }
    }
    return true;
  }

  private removeFirst(): void {
    const { heap } = this;
    const moved = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, moved)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = moved;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMicros < b.atMicros || (a.atMicros === b.atMicros && a.order < b.order);
}
