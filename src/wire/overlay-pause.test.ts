// The layout of the overlay pause frame, bit by bit (Backdraft §4.3), and that flow keys cross it unharmed.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { fromHex, toHex } from '../../test/wire/hex.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import { FlowClassifier } from './flow-key.ts';
import type { PauseRepr } from './overlay-pause.ts';
import {
  checkPause,
  emitPause,
  PAUSE_KEY_WORDS,
  PAUSE_MAX_BYTES,
  PauseView,
  parsePause,
  writePause,
} from './overlay-pause.ts';

const fields = { ccType: 2, sequence: 0x01020304, destinationCid: 0xa1b2c3d4 };
const ipv4 = Uint32Array.of(0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, 0x1234_1a0b, (4 << 24) | (6 << 16), 0);
const addresses = [0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 2];
const ipv6 = Uint32Array.of(...addresses, 0x1234_1a0b, (6 << 24) | (17 << 16) | 0xabc, 9);
const macs = Uint32Array.of(0x0200, 0x0a01, 0, 0, 0x0200, 0x0b02, 0, 0, 0x88b5, 7, 0xfedcba98);

const cases: [string, PauseRepr, string][] = [
  [
    'of a TCP flow',
    { ...fields, pauseMicros: 10_000, rateBytesPerSecond: 125_000_000, key: ipv4 },
    '07124000 01020304 a1b2c3d4 27100600 000f4240 00000000 0a000001 0a000002 12341a0b',
  ],
  [
    'of a UDP flow over IPv6 in a VLAN',
    { ...fields, pauseMicros: 1, rateBytesPerSecond: 125, key: ipv6 },
    '07126abc 01020304 a1b2c3d4 00011100 00000001 00000009 ' +
      '20010db8000000000000000000000001 20010db8000000000000000000000002 12341a0b',
  ],
  [
    'of what is not IP',
    { ...fields, pauseMicros: 65_535, rateBytesPerSecond: 0, key: macs },
    '07120007 01020304 a1b2c3d4 ffff0000 00000000 fedcba98 020000000a01 020000000b02 88b50000',
  ],
  [
    'that is a release',
    { ...fields, pauseMicros: 0, rateBytesPerSecond: Number.POSITIVE_INFINITY, key: ipv4 },
    '07124000 01020304 a1b2c3d4 00000600 ffffffff 00000000 0a000001 0a000002 12341a0b',
  ],
];

describe.each(cases)('a pause frame %s', (_, repr, hex) => {
  const octets = fromHex(hex);

  it('is written bit by bit', () => {
    const bytes = allocateBytes(PAUSE_MAX_BYTES);
    const length = emitPause(repr, bytes, 0);
    expect(toHex(bytes.u8.subarray(0, length))).toBe(toHex(octets));
  });

  it('is read back', () => {
    expect(parsePause(bytesOf(octets), 0, octets.length)).toEqual(repr);
  });
});

it.each([
  ['a key of no known type', '07105000 00000001 00000001 00010000 00000001 00000001', 'bad-type'],
  [
    'a connection of nobody',
    '07104000 00000001 00000000 00010000 00000001 00000001 0a000001 0a000002 12341a0b',
    'bad-field',
  ],
  ['half a key', '07104000 00000001 00000001 00010000 00000001 00000001 0a000001', 'too-short'],
  ['a header cut short', '07104000 00000001 00000001 00010000 00000001', 'too-short'],
  ['no version', '07004000 00000001 00000001 00010000 00000001 00000001', 'bad-version'],
  ['an acknowledgement', '02104000 00000001 00000001 00010000 00000001 00000001', 'bad-type'],
])('refuses %s', (_, hex, reject) => {
  const bytes = bytesOf(fromHex(hex));
  expect(checkPause(bytes.view, 0, bytes.u8.length)).toBe(reject);
});

it('says a rate that is never lower than asked for, and a pause that is never longer', () => {
  const bytes = allocateBytes(PAUSE_MAX_BYTES);
  const view = new PauseView();
  const rate = fc.maxSafeNat().map((bits) => bits % 4e11);
  fc.assert(
    fc.property(rate, fc.double({ min: 0, max: 1e9, noNaN: true }), (bytesPerSecond, pauseMicros) => {
      writePause(bytes.view, 0, 1, 2, pauseMicros, bytesPerSecond, ipv4, 0);
      expect(view.aim(bytes, 0, PAUSE_MAX_BYTES)).toBe(true);
      expect(view.rateBytesPerSecond).toBeGreaterThanOrEqual(bytesPerSecond);
      expect(view.rateBytesPerSecond).toBeLessThan(bytesPerSecond + 125);
      expect(view.pauseMicros).toBe(Math.min(Math.floor(pauseMicros), 0xffff));
    }),
  );
});

it.each([
  ['TCP', buildFrame({ tcp: { destinationPort: 7777 }, payload: numbered(20) })],
  ['UDP over IPv6', buildFrame({ ipv6: {}, udp: {}, payload: numbered(20) })],
  ['UDP in a VLAN', buildFrame({ ethernet: { vlanTci: 0x2007 }, udp: {}, payload: numbered(20) })],
  ['what is not IP', fromHex('020000000b02 020000000a01 88b5 0102030405060708')],
])('carries the key of a frame of %s as its classifier made it', (_, frame) => {
  const key = new Uint32Array(PAUSE_KEY_WORDS);
  expect(new FlowClassifier().classify(bytesOf(frame), 0, frame.length, key, 0)).toBe(true);
  const bytes = allocateBytes(PAUSE_MAX_BYTES);
  const length = emitPause({ ...fields, pauseMicros: 5, rateBytesPerSecond: 125, key }, bytes, 0);
  const again = new Uint32Array(PAUSE_KEY_WORDS + 1).fill(0xffff_ffff);
  const view = new PauseView();
  expect(view.aim(bytes, 0, length)).toBe(true);
  view.readKey(again, 1);
  expect(again.subarray(1)).toEqual(key);
});
