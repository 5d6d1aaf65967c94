// How long a thread looks for work before it sleeps. Waking a sleeping thread costs more than most work does
// (25 to 30 µs), so a short look pays off while packets keep coming; while they do not, it is waste. The time adapts
// as KVM's halt polling does: it grows when a sleep turned out short, and shrinks when a look found nothing.

const MIN_MICROS = 10;
const MAX_MICROS = 50;

export class SpinTime {
  /** Microseconds to look for work before the next sleep. */
  micros: number;

  private readonly maxMicros: number;

  /** `maxMicros`: what it looks for at most, and what counts as a short sleep. */
  constructor(micros = 0, maxMicros = MAX_MICROS) {
    this.micros = micros;
    this.maxMicros = maxMicros;
  }

  /** Nothing came while looking, and the sleep after it lasted `sleptMicros`. */
  slept(sleptMicros: number): void {
    const { maxMicros } = this;
    if (sleptMicros < maxMicros) this.micros = Math.min(maxMicros, Math.max(MIN_MICROS, this.micros * 2));
    else this.micros = this.micros <= MIN_MICROS ? 0 : this.micros / 2;
  }
}
