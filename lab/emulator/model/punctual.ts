// Waking up on time. A processor that was idle takes a while to come back, the longer it was idle the longer: 0.2 ms after
// 20 ms, on a virtual machine. So the emulator asks to be woken earlier by what it was late of late, and polls meanwhile;
// where others have the processor that would not help, so it polls a moment at most.

/** Waits are alike when their lengths have the same power of two. */
const CLASSES = 32;
const MAX_EARLY_MICROS = 250;
/** Most of a wait is slept, so that what is known of it stays true. */
const MAX_EARLY_SHARE = 1 / 2;
/** Up quickly and down slowly: most sleeps are over in time, few long before. */
const RISE = 1 / 8;
const FALL = 1 / 32;

export class Punctual {
  private readonly lateMicros = new Float64Array(CLASSES);

  /** How long to sleep (0: not at all) when there is something to do in so many microseconds. */
  sleepMicros(waitMicros: number): number {
    if (waitMicros <= 1) return 0;
    return waitMicros - Math.min(this.lateMicros[classOf(waitMicros)]!, waitMicros * MAX_EARLY_SHARE);
  }

  /** For that wait it was slept until nothing but time had passed: how late it became. */
  slept(waitMicros: number, lateMicros: number): void {
    if (waitMicros <= 1) return;
    const wait = classOf(waitMicros);
    const error = Math.min(MAX_EARLY_MICROS, Math.max(0, lateMicros)) - this.lateMicros[wait]!;
    this.lateMicros[wait]! += error * (error > 0 ? RISE : FALL);
  }
}

function classOf(micros: number): number {
  return Math.min(CLASSES - 1, Math.floor(Math.log2(micros)));
}
