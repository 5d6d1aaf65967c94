// The numbers of datapath programs: whole, from 0 to 2^53 − 1. Every operation is total and saturates, and each gives
// the same result in doubles as in 64-bit integers, so that one program runs alike here and in eBPF
// (docs/congestion-language.md says why each one is exact).

/** The largest number; also what `+infinity` means. */
export const MAX_VALUE = Number.MAX_SAFE_INTEGER;

/** The nearest number of the language to any number of JavaScript; 0 for what is none. */
export function toValue(number: number): number {
  if (number >= MAX_VALUE) return MAX_VALUE;
  return number > 0 ? Math.floor(number) : 0;
}

export function add(a: number, b: number): number {
  const sum = a + b;
  return Math.min(sum, MAX_VALUE);
}

export function subtract(a: number, b: number): number {
  return a > b ? a - b : 0;
}

export function multiply(a: number, b: number): number {
  const product = a * b;
  return Math.min(product, MAX_VALUE);
}

/** Nothing divided by nothing is 0, as eBPF's own division has it. */
export function divide(a: number, b: number): number {
  return b === 0 ? 0 : Math.floor(a / b);
}

/** `tenths` of the old value and the rest of the new one; the first sample is taken whole. */
export function ewma(tenths: number, old: number, sample: number): number {
  if (old === 0) return sample;
  const kept = Math.min(tenths, 10);
  return Math.floor(add(multiply(kept, old), multiply(10 - kept, sample)) / 10);
}

/** The largest number whose square is not more. */
export function isqrt(a: number): number {
  const root = Math.floor(Math.sqrt(a));
  return root * root > a ? root - 1 : root;
}
