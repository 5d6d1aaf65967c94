import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generate } from '../language/compiler.ts';
import { encode } from '../language/encoder.ts';
import { instruction, MAX_INSTRUCTIONS, PROGRAM_BYTES, SIGNAL_REGISTERS } from '../language/instructions.ts';
import { program as anyProgram, value } from '../language/program-arbitrary.testing.ts';
import { signalNames } from '../language/signals.ts';
import { MAX_VALUE, toValue } from '../language/values.ts';
import { anyBytes } from './bytes-arbitrary.testing.ts';
import { Machine } from './machine.ts';
import { loadProgram } from './program.ts';
import { Reference } from './reference.testing.ts';
import { evaluate, load, start } from './run.testing.ts';

describe('arithmetic', () => {
  test.each([
    ['(+ 1 2 3)', 6],
    ['(+ +infinity 1)', MAX_VALUE],
    ['(- 1 2)', 0],
    ['(* 4294967296 4294967296)', MAX_VALUE],
    ['(/ 7 2)', 3],
    ['(/ 7 0)', 0],
    ['(/ 9007199254740991 9007199254740990)', 1],
    ['(/ 9007199254740990 9007199254740991)', 0],
    ['(isqrt 9007199136250224)', 94_906_264],
    ['(isqrt 9007199136250225)', 94_906_265],
    ['(ewma 8 100 200)', 120],
    ['(ewma 8 0 200)', 200],
    ['(ewma 11 100 200)', 100],
    ['(if (> 2 1) 5 6)', 5],
    ['(if false 5 6)', 6],
    ['(and 2 3)', 1],
    ['(|| 0 0)', 0],
    ['(min 3 (max 1 2) 9)', 2],
    ['(>= 2 2)', 1],
    ['(- (- 9 1) (- 3 1))', 6],
  ])('%s is %d', (expression, expected) => {
    expect(evaluate(expression)).toBe(expected);
  });

  test('a variable may be on both sides', () => {
    const run = start(
      '(def (Report (x 7))) (when true (:= Report.x (if (> Report.x 5) (+ 1 2 Report.x) 0)) (report))',
    );
    expect(run.ack(0, {})).toEqual({ x: 10 });
    const average = start('(def (Report (x 100))) (when true (:= Report.x (ewma 9 200)) (report))');
    expect(average.ack(0, {})).toEqual({ x: 110 });
  });

  test('what is measured wrongly is read as the nearest number', () => {
    const sample = [Number.NaN, -1, 1.9, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 60];
    const read = sample.map((number) => evaluate('Flow.hops', { 'Flow.hops': number }));
    expect(read).toEqual([0, 0, 1, MAX_VALUE, 0, MAX_VALUE]);
  });
});

test('machine and compiler agree with the tree walked in BigInt', () => {
  const sample = fc.tuple(...signalNames.map(() => value));
  const property = fc.property(
    anyProgram,
    fc.array(sample, { minLength: 1, maxLength: 4 }),
    (program, samples) => {
      const compiled = generate(program);
      const machine = new Machine(load(compiled), 0);
      const reference = new Reference(program);
      let nowMicros = 0;
      let zeroMicros = 0;
      for (const values of samples) {
        nowMicros += 1000;
        machine.signals.set(values);
        const timer = toValue(nowMicros - zeroMicros);
        const named = Object.fromEntries(signalNames.map((name, i) => [name, values[i]!]));
        const expected = reference.run({ ...named, 'Timer.Micros': timer });
        const isReport = machine.run(nowMicros);
        expect(
          isReport ? Array.from(machine.report.subarray(0, machine.reportLength), BigInt) : undefined,
        ).toEqual(expected);
        expect([machine.cwnd, machine.rate].map(BigInt)).toEqual([
          reference.values.get('Cwnd'),
          reference.values.get('Rate'),
        ]);
        const set = Number(reference.values.get('Timer.Micros'));
        if (set !== timer) zeroMicros = nowMicros - set;
        // Beyond 2^53 the difference of two times is no longer exact; the two part there.
        if (zeroMicros < -(2 ** 52)) return;
      }
    },
  );
  fc.assert(property, { numRuns: 500 });
});

describe('bytes from anywhere', () => {
  test('are refused, or run to their end in bounds', () => {
    let accepted = 0;
    const property = fc.property(anyBytes, (bytes) => {
      const loaded = loadProgram(bytes);
      if (typeof loaded === 'string') return;
      accepted++;
      const machine = new Machine(loaded, 5);
      machine.signals.fill(1234);
      for (const now of [6, 7, 1e9]) {
        machine.run(now);
        const registers = (machine as unknown as { registers: Float64Array }).registers;
        expect(registers.every((register) => toValue(register) === register)).toBe(true);
        expect(registers.subarray(0, SIGNAL_REGISTERS).every((register) => register === 1234)).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 2000 });
    expect(accepted).toBeGreaterThan(200);
  });

  test('that jump back, write a signal, or do not end are named', () => {
    const refusal = (...code: number[]) =>
      loadProgram(encode({ code, values: [], reports: 0, volatileFirst: 0, volatileEnd: 0 }));
    expect(refusal(instruction(18, 0, 0, 0), 0)).toBe('jump');
    expect(refusal(instruction(18, 2, 0, 0), 0)).toBe('jump');
    expect(refusal(instruction(1, 3, 0, 0), 0)).toBe('register');
    expect(refusal(instruction(1, 24, 27, 0), 0)).toBe('register');
    expect(refusal(instruction(20, 24, 0, 0), 0)).toBe('opcode');
    expect(refusal(instruction(1, 24, 0, 0))).toBe('ending');
    expect(refusal(...new Array<number>(MAX_INSTRUCTIONS).fill(0))).toMatchObject({ reports: 0 });
    expect(loadProgram(new Uint8Array(3))).toBe('length');
  });

  test('that change after they were accepted change nothing', () => {
    const { bytes } = generate({ variables: [], clauses: [] });
    const loaded = loadProgram(bytes);
    const inside = new Uint8Array(PROGRAM_BYTES + 8);
    inside.set(bytes, 3);
    bytes.fill(255);
    expect(loaded).toMatchObject({ code: Uint32Array.of(0) });
    expect(loadProgram(inside.subarray(3, 3 + PROGRAM_BYTES))).toEqual(loaded);
  });
});
