// Bytes that may or may not be a program, for property tests: words of instructions at random, programs with bytes
// changed, and anything.

import fc from 'fast-check';
import { generate } from '../language/compiler.ts';
import { encode } from '../language/encoder.ts';
import { instruction, PROGRAM_BYTES, REGISTERS } from '../language/instructions.ts';
import { program as anyProgram, value } from '../language/program-arbitrary.testing.ts';

const word = fc.oneof(
  fc
    .record({ opcode: fc.nat(20), target: fc.nat(REGISTERS), a: fc.nat(REGISTERS), b: fc.nat(REGISTERS) })
    .map((each) => instruction(each.opcode, each.target, each.a, each.b)),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const likely = fc
  .record({
    code: fc.array(word, { maxLength: 12 }),
    values: fc.array(value, { maxLength: 96 }),
    counts: fc.array(fc.nat(100), { minLength: 3, maxLength: 3 }),
  })
  .map(({ code, values, counts: [reports = 0, volatileFirst = 0, volatileEnd = 0] }) =>
    encode({ code: [...code, 0], values, reports, volatileFirst, volatileEnd }),
  );
const flipped = fc
  .tuple(anyProgram, fc.array(fc.tuple(fc.nat(PROGRAM_BYTES - 1), fc.nat(255)), { maxLength: 3 }))
  .map(([program, changes]) => {
    const { bytes } = generate(program);
    for (const [at, byte] of changes) bytes[at % 2 === 0 ? at : 784 + (at % 64)] = byte;
    return bytes;
  });

/** As long as a program is, and often almost one. */
export const nearlyPrograms = fc.oneof(likely, flipped);

export const anyBytes = fc.oneof(likely, flipped, fc.uint8Array({ maxLength: 4000 }));
