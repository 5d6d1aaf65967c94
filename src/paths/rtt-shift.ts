// Whether the round trips of a peer's slots have changed for good, as they do when a slot's route has: one slot against
// the others, over several looks. Load that lengthens all of them alike, or one for a moment, is no change of route.

const LOOKS = 5;
/** A slot differs when its share of what is usual for all slots doubled or halved, and by more than noise. */
const FACTOR = 2;
const NOISE_MICROS = 100;

export class RttShift {
  private readonly usual: number[] = [];
  private readonly looksShifted: number[] = [];

  /** Takes in the smoothed round trips of all slots, 0 where unknown; true when one has changed for good. */
  look(rttMicros: readonly number[]): boolean {
    const ratios = rttMicros.flatMap((rtt, slot) =>
      rtt > 0 && this.usual[slot]! > 0 ? rtt / this.usual[slot]! : [],
    );
    const common = median(ratios);
    let shifted = false;
    for (const [slot, rtt] of rttMicros.entries()) {
      if (rtt <= 0) continue;
      const expected = (this.usual[slot] ?? 0) * common;
      if (expected === 0) this.usual[slot] = rtt;
      const isShifted = isFar(rtt, expected);
      this.looksShifted[slot] = isShifted ? (this.looksShifted[slot] ?? 0) + 1 : 0;
      if (this.looksShifted[slot]! < LOOKS) continue;
      shifted = true;
    }
    if (shifted) this.forget();
    return shifted;
  }

  /** What comes next is what is usual. */
  forget(): void {
    this.usual.length = 0;
    this.looksShifted.length = 0;
  }
}

function isFar(rtt: number, expected: number): boolean {
  if (expected === 0 || Math.abs(rtt - expected) < NOISE_MICROS) return false;
  return rtt > expected * FACTOR || rtt * FACTOR < expected;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 1;
}
