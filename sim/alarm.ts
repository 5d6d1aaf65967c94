// One deadline that is moved again and again, as retransmission timers are with every acknowledgement. Moving it
// later costs nothing: the clock's event stays where it is and looks at the deadline when it happens.

import type { Clock } from './clock.ts';

export class Alarm {
  private readonly clock: Clock;
  private readonly ring: () => void;
  private dueMicros = Number.POSITIVE_INFINITY;
  /** The earliest event of ours that the clock holds; later ones were superseded and do nothing. */
  private eventMicros = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, ring: () => void) {
    this.clock = clock;
    this.ring = ring;
  }

  get isSet(): boolean {
    return this.dueMicros !== Number.POSITIVE_INFINITY;
  }

  /** Sets the deadline, replacing an earlier one; Infinity for never. */
  set(atMicros: number): void {
    this.dueMicros = Math.max(atMicros, this.clock.nowMicros);
    this.ask();
  }

  /** Sets the deadline unless an earlier one is set. */
  setEarlier(atMicros: number): void {
    if (atMicros < this.dueMicros) this.set(atMicros);
  }

  cancel(): void {
    this.dueMicros = Number.POSITIVE_INFINITY;
  }

  private ask(): void {
    if (this.dueMicros >= this.eventMicros) return;
    this.eventMicros = this.dueMicros;
    this.clock.at(this.eventMicros, this.happen);
  }

  private readonly happen = (): void => {
    const { nowMicros } = this.clock;
    if (nowMicros < this.eventMicros) return;
    this.eventMicros = Number.POSITIVE_INFINITY;
    if (this.dueMicros > nowMicros) {
      this.ask();
      return;
    }
    this.dueMicros = Number.POSITIVE_INFINITY;
    this.ring();
  };
}
