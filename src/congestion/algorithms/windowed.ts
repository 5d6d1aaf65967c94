// The least value of the last while, in ten slots: constant memory and time however many values there are, at the price
// of forgetting up to a tenth of the while early.

const SLOTS = 10;

export class WindowedMin {
  private readonly slotMicros: number;
  private readonly least = new Float64Array(SLOTS).fill(Number.POSITIVE_INFINITY);
  private newestSlot = 0;

  constructor(windowMicros: number) {
    this.slotMicros = windowMicros / SLOTS;
  }

  /** Infinity when there is none. */
  get value(): number {
    return this.least.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
  }

  /** Times do not go back. */
  add(nowMicros: number, value: number): void {
    const slot = Math.floor(nowMicros / this.slotMicros);
    const over = Math.min(slot - this.newestSlot, SLOTS);
    for (let i = 0; i < over; i++) this.least[(slot - i) % SLOTS] = Number.POSITIVE_INFINITY;
    this.newestSlot = slot;
    this.least[slot % SLOTS] = Math.min(this.least[slot % SLOTS]!, value);
  }
}
