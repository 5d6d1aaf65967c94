// What holds for every header format: parse gives back what emit wrote, wherever it lies; whatever the bytes, parsing
// neither throws nor touches a byte outside of its range, and what it accepts survives another round.

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecs } from '../../test/wire/codecs.ts';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { isReject } from './reject.ts';

const ROOM = 4096;

describe.each(codecs)('$name', (codec) => {
  it('parses what it emitted', () => {
    fc.assert(
      fc.property(codec.valid, fc.integer({ min: 0, max: 64 }), (repr, at) => {
        const memory = new Uint8Array(ROOM).fill(0xa5);
        const written = codec.emit(repr, guardedBytes(memory, at, ROOM), at);
        const end = at + written + codec.trailing(repr);
        expect(codec.parse(guardedBytes(memory, at, end), at, end - at)).toEqual(repr);
        expect(memory.subarray(0, at).every((octet) => octet === 0xa5)).toBe(true);
        expect(memory.subarray(at + written).every((octet) => octet === 0xa5)).toBe(true);
      }),
    );
  });

  it('rejects what was cut short', () => {
    fc.assert(
      fc.property(codec.valid, fc.nat(), (repr, cut) => {
        const memory = new Uint8Array(ROOM);
        const written = codec.emit(repr, guardedBytes(memory, 0, ROOM), 0);
        const length = cut % written;
        const result = codec.parse(guardedBytes(memory, 0, length), 0, length);
        // Some formats end in optional parts, so a shorter packet may be a valid one, but then another one.
        if (!isReject(result)) expect(result).not.toEqual(repr);
      }),
    );
  });

  it('takes any bytes without throwing or straying, and stands by what it accepts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(8), fc.nat(8), (memory, from, beyond) => {
        const end = Math.max(from, memory.length - beyond);
        const repr = codec.parse(guardedBytes(memory, from, end), from, end - from);
        if (isReject(repr)) return;
        const again = new Uint8Array(ROOM);
        const written = codec.emit(repr, guardedBytes(again, 0, ROOM), 0);
        const length = written + codec.trailing(repr);
        expect(codec.parse(guardedBytes(again, 0, length), 0, length)).toEqual(repr);
      }),
      { numRuns: 500 },
    );
  });
});

it('covers every file that has a parse function', () => {
  const folder = new URL('.', import.meta.url);
  const formats = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'address.ts')
    .filter((name) => /^export function parse/m.test(readFileSync(new URL(name, folder), 'utf8')))
    .map((name) => name.replace('.ts', ''));
  expect(codecs.map((codec) => codec.name).sort()).toEqual(formats.sort());
});
