// ZooRoute §A: bit by bit, what is refused, and the receipts that responses append.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../test/wire/hex.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import {
  CTL_BACKPRESSURE,
  checkZooRoute,
  emitZooRoute,
  isReceived,
  isZooRoute,
  parseZooRoute,
  RECEIPT_BYTES,
  writeReceipt,
  writeUpdateRecord,
  type ZooRouteRepr,
} from './zooroute.ts';

const fields = {
  version: 1,
  modes: 3,
  role: 0,
  ctl: 0,
  isLast: false,
  sequence: 0x01020304,
  source: [0, 0, 0xffff, 0xc0000201] as const,
  backend: 0x02_00_00_00_0a_01,
};
const source = '00000000000000000000ffffc0000201';
const reflect = fromHex('2710 0000 deadbeef 0011223344556677');

const cases: [string, ZooRouteRepr, string][] = [
  [
    'negotiation request of a gateway',
    { ...fields, type: 0x11, role: 3, body: reflect },
    `ffeedd11 01330000 00380000 01020304 ${source} 020000000a01 0000 27100000deadbeef0011223344556677`,
  ],
  [
    'negotiation response of a version to come',
    { ...fields, type: 0x18, version: 9, body: new Uint8Array(0) },
    `ffeedd18 09030000 00280000 01020304 ${source} 020000000a01 0000`,
  ],
  [
    'telemetry request',
    { ...fields, type: 0x7e, modes: 2, backend: 0, body: reflect },
    `ffeedd7e 01020000 00380000 01020304 ${source} 000000000000 0000 27100000deadbeef0011223344556677`,
  ],
  [
    'telemetry response with backpressure',
    { ...fields, type: 0x7f, modes: 1, ctl: CTL_BACKPRESSURE, body: fromHex('01') },
    `ffeedd7f 01010200 00290000 01020304 ${source} 020000000a01 0000 01`,
  ],
  [
    'table update',
    { ...fields, type: 0x05, modes: 0, isLast: true, body: fromHex('00000007 0102030405060708') },
    `ffeedd05 01000001 00340000 01020304 ${source} 020000000a01 0000 000000070102030405060708`,
  ],
];

describe.each(cases)('a %s', (_, repr, hex) => {
  const octets = fromHex(hex);

  it('is written bit by bit', () => {
    const bytes = allocateBytes(128);
    const length = emitZooRoute(repr, bytes, 0);
    expect(toHex(bytes.u8.subarray(0, length))).toBe(toHex(octets));
  });

  it('is read back, also with padding behind it', () => {
    expect(parseZooRoute(bytesOf(octets), 0, octets.length)).toEqual(repr);
    const padded = new Uint8Array(octets.length + 9);
    padded.set(octets);
    expect(parseZooRoute(bytesOf(padded), 0, padded.length)).toEqual(repr);
  });
});

const rest = `01020304 ${source} 000000000000 0000`;

it.each([
  ['a VXLAN packet', `08000000 00004d00 00280000 ${rest}`, 'bad-field'],
  ['a type that VXLAN-GPE has', `ffeedd01 01000000 00280000 ${rest}`, 'bad-type'],
  ['telemetry of another version', `ffeedd7e 02000000 00280000 ${rest}`, 'bad-version'],
  ['a negotiation without a version', `ffeedd11 00000000 00280000 ${rest}`, 'bad-version'],
  ['a length that the header alone exceeds', `ffeedd7e 01000000 00270000 ${rest}`, 'bad-length'],
  ['a packet cut short', `ffeedd7e 01000000 00290000 ${rest}`, 'too-short'],
  ['part of a record', `ffeedd05 01000000 00290000 ${rest} 00`, 'bad-length'],
  ['part of a header', 'ffeedd7e 01000000', 'too-short'],
])('refuses %s', (_, hex, reject) => {
  const bytes = bytesOf(fromHex(hex));
  expect(checkZooRoute(bytes.view, 0, bytes.u8.length)).toBe(reject);
});

it('knows its magic number from flags of VXLAN', () => {
  expect(isZooRoute(bytesOf(fromHex('ffeedd00')).view, 0, 4)).toBe(true);
  expect(isZooRoute(bytesOf(fromHex('0c0000fe')).view, 0, 4)).toBe(false);
  expect(isZooRoute(bytesOf(fromHex('ffeedd')).view, 0, 3)).toBe(false);
});

it('writes the bytes of an update as they lie in memory', () => {
  const { u8, view } = allocateBytes(12);
  writeUpdateRecord(view, 0, 7, 0x04030201, 0x08070605);
  expect(toHex(u8)).toBe('000000070102030405060708');
});

it('a receipt says exactly which of 65 sequences arrived, across the wrap', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      (newest, before, longBefore) => {
        const { view } = allocateBytes(RECEIPT_BYTES);
        writeReceipt(view, 0, newest, before, longBefore);
        expect(isReceived(view, 0, newest)).toBe(true);
        const both = (BigInt(longBefore) << 32n) | BigInt(before);
        for (let age = 1; age <= 64; age++) {
          const arrived = ((both >> BigInt(age - 1)) & 1n) === 1n;
          expect(isReceived(view, 0, (newest - age) >>> 0)).toBe(arrived);
        }
        expect(isReceived(view, 0, (newest - 65) >>> 0)).toBe(false);
        expect(isReceived(view, 0, (newest + 1) >>> 0)).toBe(false);
      },
    ),
  );
});
