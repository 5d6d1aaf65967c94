// Rates as people write them: 48mbit, 500kbit, 1.5gbit.

export const RATE_UNITS: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

/** In bits per second; undefined when it is no rate. */
export function rateBitsPerSecond(text: string): number | undefined {
  const bits = scaled(text, RATE_UNITS);
  return bits === undefined ? undefined : Math.round(bits);
}

/** A figure with one of the units behind it. */
export function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, figure, unit] = /^(\d+(?:\.\d+)?|\.\d+)([a-z]+)$/.exec(text.trim().toLowerCase()) ?? [];
  const scale = unit === undefined ? undefined : units[unit];
  return scale === undefined ? undefined : Number(figure) * scale;
}
