// Waking up on time. A processor that was idle takes a while to come back, the longer it was idle the longer: 0.2 ms after
// 20 ms, on a virtual machine. So the emulator asks to be woken earlier by what it was late of late, and polls meanwhile.

/** Sleeps are alike when their lengths have the same power of two. */
const CLASSES = 32;
const MAX_EARLY_MICROS = 400;
/** Up quickly and down slowly: most sleeps are over in time, few long before. */
const RISE = 1 / 8;
const FALL = 1 / 32;

export class Punctual {
  private readonly lateMicros = new Float64Array(CLASSES);

  /** How long to sleep (0: not at all) when there is something to do in so many microseconds. */
  sleepMicros(idleMicros: number): number {
    if (idleMicros <= 1) return 0;
    return Math.max(0, idleMicros - this.lateMicros[classOf(idleMicros)]!);
  }

  /** It was slept until nothing but time had passed: so long, where it was asked for so long. */
  slept(askedMicros: number, tookMicros: number): void {
    if (askedMicros <= 1) return;
    const late = Math.min(MAX_EARLY_MICROS, Math.max(0, tookMicros - askedMicros));
    const sleeps = classOf(askedMicros);
    const error = late - this.lateMicros[sleeps]!;
    this.lateMicros[sleeps]! += error * (error > 0 ? RISE : FALL);
  }
}

function classOf(micros: number): number {
  return Math.min(CLASSES - 1, Math.floor(Math.log2(micros)));
}
