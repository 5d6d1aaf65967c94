// The asymmetric pulse of Nimbus (Goyal et al., SIGCOMM 2022, §3.4): half a sine up in a quarter of the period, half a sine
// down, a third as high, in the rest. It adds up to nothing, and a sender needs little rate to take it from.

export const PULSE_HERTZ = 5;
const PERIOD_SECONDS = 1 / PULSE_HERTZ;
const UP = 0.25;
const DOWN = 1 - UP;

/** What it adds to a rate, from −1/3 to 1 of its height. */
export function pulseAt(nowMicros: number): number {
  const phase = phaseAt(nowMicros);
  if (phase < UP) return Math.sin((Math.PI * phase) / UP);
  return -(UP / DOWN) * Math.sin((Math.PI * (phase - UP)) / DOWN);
}

/** How much more has been sent because of it since the period began: seconds of its height, never less than none. */
export function pulseSumAt(nowMicros: number): number {
  const phase = phaseAt(nowMicros);
  const half = (PERIOD_SECONDS * UP) / Math.PI;
  if (phase < UP) return half * (1 - Math.cos((Math.PI * phase) / UP));
  return half * (1 + Math.cos((Math.PI * (phase - UP)) / DOWN));
}

function phaseAt(nowMicros: number): number {
  const periods = (nowMicros * PULSE_HERTZ) / 1e6;
  return periods - Math.floor(periods);
}
