// Copies a payload and sums it in the same pass, as the UDP checksum wants it.

import type { PacketMemory } from '../../runtime/vnic/copy-packet.ts';

/** Of words in the processor's order; `toAt` is a multiple of four. */
export function copyAndSum(
  to: PacketMemory,
  toAt: number,
  from: PacketMemory,
  fromAt: number,
  length: number,
): number {
  if ((fromAt & 3) !== 0) return copyAskew(to, toAt, from, fromAt, length);
  const source = from.i32;
  const target = to.i32;
  let i = fromAt >>> 2;
  let j = toAt >>> 2;
  const end = i + (length >>> 2);
  let low = 0;
  let high = 0;
  for (; i + 2 <= end; i += 2, j += 2) {
    const a = source[i]!;
    const b = source[i + 1]!;
    target[j] = a;
    target[j + 1] = b;
    low += (a & 0xffff) + (b & 0xffff);
    high += (a >>> 16) + (b >>> 16);
  }
  if (i < end) {
    const word = source[i]!;
    target[j] = word;
    low += word & 0xffff;
    high += word >>> 16;
    i++;
    j++;
  }
  const rest = length & 3;
  if (rest === 0) return low + high;
  const last = source[i]! & (0x7fff_ffff >>> (31 - 8 * rest));
  target[j] = last;
  return low + high + (last & 0xffff) + (last >>> 16);
}

/** Of the bytes at `at`, a multiple of four. */
export function sumBytes({ i32 }: PacketMemory, at: number, length: number): number {
  let low = 0;
  let high = 0;
  let i = at >>> 2;
  const end = i + (length >>> 2);
  for (; i < end; i++) {
    const word = i32[i]!;
    low += word & 0xffff;
    high += word >>> 16;
  }
  const rest = length & 3;
  if (rest > 0) {
    const last = i32[i]! & (0x7fff_ffff >>> (31 - 8 * rest));
    low += last & 0xffff;
    high += last >>> 16;
  }
  return low + high;
}

function copyAskew(
  to: PacketMemory,
  toAt: number,
  from: PacketMemory,
  fromAt: number,
  length: number,
): number {
  to.i32[(toAt + length) >>> 2] = 0;
  for (let i = 0; i < length; i++) to.u8[toAt + i] = from.u8[fromAt + i]!;
  return sumBytes(to, toAt, length);
}
