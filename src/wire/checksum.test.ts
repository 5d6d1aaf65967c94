// RFC 1071, against the RFC's own example and a plain twin.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { fromHex } from '../../test/wire/hex.ts';
import { bytesOf } from '../base/bytes.ts';
import {
  checksum,
  copyWithSum,
  finishSum,
  foldSum,
  partialSum,
  pseudoHeaderSum4,
  pseudoHeaderSum6,
} from './checksum.ts';

/** One octet at a time, carry added at once. */
function plainSum(octets: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i++) {
    sum += i % 2 === 0 ? octets[i]! * 256 : octets[i]!;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

describe('the internet checksum', () => {
  it('adds up as in RFC 1071 §3', () => {
    expect(partialSum(bytesOf(fromHex('0001f203f4f5f6f7')), 0, 8)).toBe(0xddf2);
  });

  it('is zero over an IPv4 header with a right checksum', () => {
    const header = bytesOf(fromHex('45000073000040004011b861c0a80001c0a800c7'));
    expect(checksum(header, 0, 20)).toBe(0);
    header.view.setUint16(10, 0);
    expect(checksum(header, 0, 20)).toBe(0xb861);
  });

  const range = fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(7));

  it('agrees with a plain sum, wherever the range lies', () => {
    fc.assert(
      fc.property(range, ([octets, at]) => {
        const memory = new Uint8Array(at + octets.length);
        memory.set(octets, at);
        const sum = partialSum(guardedBytes(memory, at, memory.length), at, octets.length);
        expect(sum).toBe(plainSum(octets));
      }),
    );
  });

  it('copies and sums in one pass', () => {
    fc.assert(
      fc.property(range, fc.nat(7), ([octets, at], to) => {
        const source = new Uint8Array(at + octets.length);
        source.set(octets, at);
        const target = new Uint8Array(to + octets.length + 8).fill(0xee);
        const end = to + octets.length;
        const from = guardedBytes(source, at, source.length);
        expect(copyWithSum(from, at, guardedBytes(target, to, end), to, octets.length)).toBe(
          plainSum(octets),
        );
        expect(target.subarray(to, end)).toEqual(octets);
      }),
    );
  });

  it('is the same in parts, each but the last even', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (octets, cut) => {
        const even = (cut % (octets.length + 1)) & ~1;
        const bytes = bytesOf(octets);
        const sum = partialSum(bytes, even, octets.length - even, partialSum(bytes, 0, even));
        expect(sum).toBe(plainSum(octets));
      }),
    );
  });

  it('does not overflow over the largest frame', () => {
    const octets = new Uint8Array(0x20000).fill(0xff);
    expect(partialSum(bytesOf(octets), 0, octets.length, 0xffff)).toBe(0xffff);
  });

  it('folds every 32-bit sum', () => {
    expect([0, 0xffff, 0x10000, 0x1fffe, 0xffff_ffff].map(foldSum)).toEqual([0, 0xffff, 1, 0xffff, 0xffff]);
    expect(finishSum(0xffff)).toBe(0);
  });
});

describe('pseudo headers', () => {
  it('of IPv4 sum like their octets', () => {
    const octets = fromHex('c0000201 fffffffe 00 11 abcd');
    expect(pseudoHeaderSum4(0xc0000201, 0xfffffffe, 0x11, 0xabcd)).toBe(plainSum(octets));
  });

  it('of IPv6 sum like their octets', () => {
    const addresses = 'fd000000000000000000000000000001 fe80000000000000ffffffffffffffff';
    const bytes = bytesOf(fromHex(addresses));
    const octets = fromHex(`${addresses} 00012345 0000003a`);
    expect(pseudoHeaderSum6(bytes, 0, 0x3a, 0x12345)).toBe(plainSum(octets));
  });
});
