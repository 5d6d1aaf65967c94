// The internet checksum (RFC 1071) and the pseudo headers of IPv4 (RFC 9293 §3.1) and IPv6 (RFC 8200 §8.1).
// Sums travel folded to 16 bits, so any number of them can be added. Ranges up to 128 KB: the two halves of the
// accumulator then stay within 32 bits. A range of odd length is padded with a zero octet, so only the last range
// of a sum may be odd.

import type { Bytes } from '../base/bytes.ts';

/** Folds carries until 16 bits are left; `sum` is below 2^32. */
export function foldSum(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/** Adds the 16-bit words of `[at, at + length)` to `sum`; returns the sum folded to 16 bits. */
export function partialSum(bytes: Bytes, at: number, length: number, sum = 0): number {
  const view = bytes.view;
  const end = at + length;
  let high = 0;
  let low = sum;
  let i = at;
  // Four words a turn: the loop's own cost would otherwise be a third of the work.
  for (const last = end - 16; i <= last; i += 16) {
    const a = view.getInt32(i);
    const b = view.getInt32(i + 4);
    const c = view.getInt32(i + 8);
    const d = view.getInt32(i + 12);
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
  }
  for (; i + 2 <= end; i += 2) low += view.getUint16(i);
  if (i < end) low += view.getUint8(i) << 8;
  return foldSum(foldSum(high) + foldSum(low));
}

/** Copies a range and returns its sum, as partialSum would: one pass over the bytes instead of two. */
export function copyWithSum(
  from: Bytes,
  fromAt: number,
  to: Bytes,
  toAt: number,
  length: number,
  sum = 0,
): number {
  const source = from.view;
  const target = to.view;
  let high = 0;
  let low = sum;
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    const a = source.getInt32(fromAt + i);
    const b = source.getInt32(fromAt + i + 4);
    target.setInt32(toAt + i, a);
    target.setInt32(toAt + i + 4, b);
    high += (a >>> 16) + (b >>> 16);
    low += (a & 0xffff) + (b & 0xffff);
  }
  for (; i < length; i++) {
    const octet = source.getUint8(fromAt + i);
    target.setUint8(toAt + i, octet);
    low += (i & 1) === 0 ? octet << 8 : octet;
  }
  return foldSum(foldSum(high) + foldSum(low));
}

/** What goes into a checksum field: the complement of a sum. */
export function finishSum(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}

/** The checksum of a range whose own checksum field is zero. Zero over a range that includes a right checksum. */
export function checksum(bytes: Bytes, at: number, length: number): number {
  return finishSum(partialSum(bytes, at, length));
}

/** A checksum after one of the 16-bit words under it was changed (RFC 1624 §3, equation 3). */
export function updateChecksum(before: number, oldWord: number, newWord: number): number {
  return finishSum((~before & 0xffff) + (~oldWord & 0xffff) + newWord);
}

/** Sum of the IPv4 pseudo header; `length` is that of the transport header and its payload. */
export function pseudoHeaderSum4(
  source: number,
  destination: number,
  protocol: number,
  length: number,
): number {
  return foldSum(
    (source >>> 16) +
      (source & 0xffff) +
      (destination >>> 16) +
      (destination & 0xffff) +
      protocol +
      foldSum(length),
  );
}

/** Sum of the IPv6 pseudo header; the two addresses lie one behind the other at `addressesAt`. */
export function pseudoHeaderSum6(
  bytes: Bytes,
  addressesAt: number,
  nextHeader: number,
  length: number,
): number {
  return partialSum(bytes, addressesAt, 32, nextHeader + foldSum(length));
}
