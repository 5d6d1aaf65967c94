// Serial number arithmetic on 32-bit counters that wrap around (RFC 1982), used for PSNs, send orders and
// microsecond timestamps. Two numbers are comparable when they are less than 2^31 apart.

/** Signed distance from `b` to `a`: positive when `a` is newer. */
export function serialDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** True when `a` comes before `b`. */
export function serialLess(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** True when `a` comes after `after` and not after `last`, which may be any distance apart. */
export function serialWithin(a: number, after: number, last: number): boolean {
  return (a - after - 1) >>> 0 < (last - after) >>> 0;
}
