// docs/congestion-language.md says what is built.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compile } from './compiler.ts';
import { CODE_AT, CWND, opcodes, PROGRAM_BYTES, RATE, TIMER, VALUES_AT } from './instructions.ts';
import { signalNames } from './signals.ts';
import { operators } from './syntax.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/congestion-language.md'), 'utf8').replace(
  / +/g,
  ' ',
);
const controls = [
  [CWND, 'Cwnd'],
  [RATE, 'Rate'],
  [TIMER, 'Timer.Micros'],
];

test('the registers are those of the signals and controls', () => {
  const listed = [...text.matchAll(/^\| (\d+) \| `([\w.]+)` \|/gm)].map(([, register, name]) => [
    Number(register),
    name,
  ]);
  expect(listed).toEqual([...signalNames.map((name, register) => [register, name]), ...controls]);
});

test('all operators and opcodes are explained', () => {
  for (const operator of Object.keys(operators)) expect(text).toContain(`(${operator} `);
  const listed = [...text.matchAll(/^\| ([\d ]+) \| [a-z ,]+ \|/gm)].flatMap(([, numbers]) =>
    numbers!.split(' ').map(Number),
  );
  expect(listed).toEqual(Object.values(opcodes));
});

test('the layout is right, and the example compiles', () => {
  expect(text).toContain(`A program is ${PROGRAM_BYTES} bytes`);
  expect(text).toContain(`| ${VALUES_AT} | 96 × 8 |`);
  expect(text).toContain(`| ${CODE_AT} | 256 × 4 |`);
  const example = /```lisp\n([\s\S]*?)```/.exec(text)![1]!;
  expect(compile(example).reportNames).toEqual(['rtt', 'acked', 'lost']);
});
