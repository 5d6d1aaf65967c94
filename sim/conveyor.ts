// Things on their way, in order: each arrives at a time not before that of the one ahead of it. However many there
// are, the clock holds one event for all of them and no closure is made for any, so that links can be long and many.

import type { Clock } from './clock.ts';

const INITIAL_PLACES = 16;

export class Conveyor<T> {
  private readonly clock: Clock;
  private readonly arrive: (item: T) => void;
  private items: (T | undefined)[] = new Array(INITIAL_PLACES);
  private times = new Float64Array(INITIAL_PLACES);
  private head = 0;
  private count = 0;
  private lastMicros = 0;

  /** `arrive` is called with each thing at its time. */
  constructor(clock: Clock, arrive: (item: T) => void) {
    this.clock = clock;
    this.arrive = arrive;
  }

  /** Things on their way. */
  get length(): number {
    return this.count;
  }

  /** Puts a thing on; it arrives at this time, or with the one ahead of it when that comes later. */
  push(atMicros: number, item: T): void {
    if (this.count === this.items.length) this.grow();
    this.lastMicros = Math.max(atMicros, this.lastMicros, this.clock.nowMicros);
    const place = (this.head + this.count) & (this.items.length - 1);
    this.items[place] = item;
    this.times[place] = this.lastMicros;
    if (this.count++ === 0) this.clock.at(this.lastMicros, this.next);
  }

  private readonly next = (): void => {
    const item = this.items[this.head]!;
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & (this.items.length - 1);
    if (--this.count > 0) this.clock.at(this.times[this.head]!, this.next);
    this.arrive(item);
  };

  private grow(): void {
    const { items, times, head, count } = this;
    this.items = new Array(count * 2);
    this.times = new Float64Array(count * 2);
    for (let i = 0; i < count; i++) {
      const from = (head + i) & (count - 1);
      this.items[i] = items[from];
      this.times[i] = times[from]!;
    }
    this.head = 0;
  }
}
