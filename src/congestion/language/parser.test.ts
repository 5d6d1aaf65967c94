import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SelvageError } from '../../base/errors.ts';
import { compile } from './compiler.ts';
import { parse } from './parser.ts';
import { print } from './printer.ts';
import { program as anyProgram } from './program-arbitrary.testing.ts';
import { isReport, type Program } from './syntax.ts';

const complaint = (text: string) => {
  try {
    compile(text);
  } catch (error) {
    if (error instanceof SelvageError) return error.message;
    throw error;
  }
  return undefined;
};

describe('mistakes are named with their place', () => {
  test.each([
    ['', 'line 1, column 1: the program has no clause'],
    ['(when true (report)', 'line 1, column 1: `(` is never closed'],
    ['(when true\n  (report)))', 'line 2, column 12: `)` closes nothing'],
    ['hello', 'line 1, column 1: `hello` stands where `(def …)` or `(when …)` should'],
    ['(when)', 'line 1, column 1: `when` has no condition'],
    ['(when true (:= Rate (* Rate 1.25)))', 'line 1, column 29: 1.25 is no whole number'],
    ['(when true (:= Rate -5))', 'line 1, column 21: `-5` is no number'],
    [
      '(when true (:= Rate 9007199254740992))',
      'line 1, column 21: 9007199254740992 is more than 9007199254740991',
    ],
    ['(when true\n (:= Rate (^ 2 3)))', 'line 2, column 11: `^` is no operator'],
    ['(when true (:= Rate (/ 2)))', 'line 1, column 21: `/` takes 2 operands, not 1'],
    ['(when (report))', 'line 1, column 7: `report` is a statement and has no value'],
    ['(when true (drop))', 'line 1, column 12: `drop` is no statement'],
    ['(when true (report)) (def (a 0))', 'line 1, column 22: `def` stands behind a clause'],
    ['(def (a)) (when true)', 'line 1, column 6: a declaration is a name and its initial value'],
    ['(def (a.b 0)) (when true)', "line 1, column 7: `a.b` cannot be a variable's name"],
    [`${'('.repeat(70)}`, 'line 1, column 65: more than 64 lists inside each other'],
  ])('%j', (text, message) => {
    expect(complaint(text)).toBe(message);
  });

  test.each([
    ['(when true (:= Ack.now 1))', '`Ack.now` is measured by the datapath and cannot be set'],
    ['(when true (:= acked 1))', '`acked` is neither declared nor a signal; did you mean `Ack.bytes_acked`?'],
    [
      '(when true (:= Rate Flow.bytes_acked))',
      '`Flow.bytes_acked` is neither declared nor a signal; did you mean `Ack.bytes_acked`?',
    ],
    ['(def (a 0) (a 1)) (when true)', '`a` is declared twice'],
    ['(def (Cwnd 0)) (when true)', '`Cwnd` means something else already'],
    [
      '(when true (if true (fallthrough)))',
      '`fallthrough` stands inside an `if`; it belongs to the whole clause',
    ],
    ['(when true (:= Millis 4))', 'only Timer.Micros can be set'],
  ])('%s', (text, message) => {
    expect(complaint(text)?.replace(/^line \d+, column \d+: /, '')).toBe(message);
  });

  test('all undeclared names at once', () => {
    expect(
      complaint('(when x1\n (:= x2 x3))')
        ?.split('\n')
        .map((line) => line.slice(0, 16)),
    ).toEqual(['line 1, column 7', 'line 2, column 6', 'line 2, column 9']);
  });

  test('programs that are too large', () => {
    expect(complaint(`(when true ${'(report)'.repeat(256)})`)).toBe(
      'the program is longer than 256 instructions',
    );
    const constants = Array.from({ length: 97 }, (_, i) => `(:= Rate ${i})`).join('');
    expect(complaint(`(when true ${constants})`)).toMatch(/needs more than 96/);
  });
});

/** Without places, and variables in the order in which they are printed. */
function bare({ variables, clauses }: Program): unknown {
  const sorted = [...variables.filter(isReport), ...variables.filter((variable) => !isReport(variable))];
  return JSON.parse(
    JSON.stringify({ variables: sorted, clauses }, (key, value) => (key === 'at' ? undefined : value)),
  );
}

test('what is printed reads as the same program', () => {
  const property = fc.property(anyProgram, (program) => {
    expect(bare(parse(print(program)))).toEqual(bare(program));
  });
  fc.assert(property, { numRuns: 500 });
});

test('a program is printed like this', () => {
  const text =
    '(def (x 3) (volatile Report.y +infinity)) (when (&& true x) (if x ((report) (reset)) (:= Cwnd (ewma 8 Micros))) (fallthrough)) ; end\n(when Millis)';
  expect(print(parse(text))).toBe(`(def
  (Report
    (volatile y +infinity))
  (x 3))
(when (and 1 x)
  (if x
    (
      (report)
      (reset))
    (:= Cwnd (ewma 8 Cwnd Timer.Micros)))
  (fallthrough))
(when (/ Timer.Micros 1000))
`);
});

test('no text makes the compiler fail in any other way', () => {
  const words = [
    '(',
    ')',
    ' ',
    '\n',
    'def',
    'when',
    'Report',
    'volatile',
    ':=',
    'if',
    'ewma',
    'Cwnd',
    'true',
    'x',
    '1',
    '+',
    '"',
    ';',
  ];
  const soup = fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((each) => each.join(' '));
  fc.assert(
    fc.property(fc.oneof(soup, fc.string()), (text) => void complaint(text)),
    { numRuns: 3000 },
  );
});
