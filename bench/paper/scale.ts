// Where a value lies on an axis, and which values get a tick: round ones, at most about eight, or powers of ten.
export interface Scale {
  readonly ticks: readonly number[];
  /** From 0 at the axis' lower end to 1 at its upper end. */
  at(value: number): number;
}

const MOST_TICKS = 7;
/** Values closer together are equal. */
const LEAST_SPAN = 1e-9;

/** From zero, or from below it, to a round number that is not less than any of the values. */
export function linearScale(values: readonly number[]): Scale {
  const highest = Math.max(...values, 0);
  const lowest = Math.min(...values, 0);
  const span = highest - lowest > LEAST_SPAN ? highest - lowest : 1;
  const step = roundStep(span / MOST_TICKS);
  const first = Math.floor(lowest / step + 1e-9) * step;
  const last = Math.ceil((lowest + span) / step - 1e-9) * step;
  const count = Math.round((last - first) / step);
  const ticks = Array.from({ length: count + 1 }, (_, index) =>
    Number((first + index * step).toPrecision(12)),
  );
  return { ticks, at: (value) => (value - first) / (last - first) };
}

/** Between the powers of ten around the values, which must be above zero to be shown; others lie at the lower end. */
export function logScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return logScale([1]);
  const lowest = Math.floor(Math.log10(Math.min(...positive)) + 1e-9);
  const highest = Math.ceil(Math.log10(Math.max(...positive)) - 1e-9);
  const last = Math.max(highest, lowest + 1);
  const ticks = Array.from({ length: last - lowest + 1 }, (_, index) => 10 ** (lowest + index));
  const at = (value: number) => (value > 0 ? (Math.log10(value) - lowest) / (last - lowest) : 0);
  return { ticks, at: (value) => Math.max(0, at(value)) };
}

/** 1, 2 or 5 times a power of ten, not less than `least`. */
function roundStep(least: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * magnitude).find((step) => step >= least * (1 - 1e-9))!;
}
