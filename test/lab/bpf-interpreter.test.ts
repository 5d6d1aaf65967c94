// The interpreter in the kernel does what the one in TypeScript does, instruction by instruction and refusal by refusal;
// and no bytes at all make it stray or stop, even if nobody had checked them.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anyBytes, nearlyPrograms } from '../../src/congestion/interpreter/bytes-arbitrary.testing.ts';
import { Machine } from '../../src/congestion/interpreter/machine.ts';
import { type LoadedProgram, loadProgram } from '../../src/congestion/interpreter/program.ts';
import { compile, generate } from '../../src/congestion/language/compiler.ts';
import {
  PROGRAM_BYTES,
  REGISTERS,
  SIGNAL_REGISTERS,
  TIMER,
} from '../../src/congestion/language/instructions.ts';
import { program as anyProgram, value } from '../../src/congestion/language/program-arbitrary.testing.ts';
import { signalNames } from '../../src/congestion/language/signals.ts';
import { MAX_VALUE } from '../../src/congestion/language/values.ts';
import { refusals } from '../../src/linux-tcp/layout.ts';
import { MAX_SAMPLES, MachineTrial, type Sample } from './machine-trial.ts';
import { needBpf, whyNoBpf } from './rights.ts';

needBpf();

let trial: MachineTrial;
beforeAll(() => {
  if (whyNoBpf === undefined) trial = new MachineTrial();
});
afterAll(() => trial?.close());

const signals = fc.tuple(...signalNames.map(() => value)).map(padded);
const samples = fc
  .array(fc.record({ signals, passed: fc.nat(1_000_000) }), { minLength: 1, maxLength: MAX_SAMPLES })
  .map((each) => {
    let nowMicros = 0;
    return each.map(({ signals, passed }): Sample => {
      nowMicros += passed;
      return { signals, nowMicros };
    });
  });

function padded(numbers: readonly number[]): number[] {
  return [...numbers, ...new Array<number>(SIGNAL_REGISTERS - numbers.length).fill(0)];
}

/** Registers that programs can name. */
const named = Array.from({ length: REGISTERS }, (_, i) => i).filter((i) => i <= TIMER || i >= 32);

/** Runs both and compares every register after every sample. How many samples were compared. */
function compare(bytes: Uint8Array, loaded: LoadedProgram, samples: readonly Sample[]): number {
  const outcome = trial.run(bytes, samples);
  expect(outcome.refusal).toBe(0);
  const machine = new Machine(loaded, 0);
  const inside = machine as unknown as { registers: Float64Array; timerZeroMicros: number };
  for (const [i, sample] of samples.entries()) {
    machine.signals.set(sample.signals);
    const isReport = machine.run(sample.nowMicros);
    const kernel = outcome.samples[i]!;
    expect(named.map((register) => Number(kernel.registers[register]))).toEqual(
      named.map((register) => inside.registers[register]),
    );
    expect(kernel.report !== undefined).toBe(isReport);
    const report = kernel.report?.slice(0, machine.reportLength).map(Number) ?? [];
    expect(report).toEqual(isReport ? [...machine.report.subarray(0, machine.reportLength)] : []);
    // Beyond 2^53 the difference of two times is no longer exact in doubles; the two part there.
    if (Math.abs(inside.timerZeroMicros) > 2 ** 52) return i + 1;
  }
  return samples.length;
}

describe('the interpreter in the kernel', () => {
  test('and the one in TypeScript agree on every register after every run', () => {
    let compared = 0;
    const property = fc.property(anyProgram, samples, (program, samples) => {
      const { bytes } = generate(program);
      compared += compare(bytes, loadProgram(bytes) as LoadedProgram, samples);
    });
    fc.assert(property, { numRuns: 1000 });
    expect(compared).toBeGreaterThan(1000);
  });

  test('takes roots, products and averages at the ends of the range as TypeScript does', () => {
    const { bytes } = compile(`
      (def (Report (root 0) (product 0) (quotient 0) (mean 0)))
      (when true
        (:= Report.root (isqrt Ack.now))
        (:= Report.product (* Ack.now Flow.hops))
        (:= Report.quotient (/ Ack.now Flow.hops))
        (:= Report.mean (ewma Flow.hops Ack.now))
        (report))`);
    const roots = [0, 1, 2, 3, 4, 94_906_264, 94_906_265].flatMap((n) => [n * n - 1, n * n, n * n + 1]);
    const numbers = [...roots, 2 ** 26 - 1, 2 ** 26, MAX_VALUE - 1, MAX_VALUE].filter(
      (n) => n >= 0 && n <= MAX_VALUE,
    );
    const now = signalNames.indexOf('Ack.now');
    const hops = signalNames.indexOf('Flow.hops');
    for (const other of [0, 1, 3, 9, 10, 11, 2 ** 26, MAX_VALUE]) {
      const all = numbers.map((number): Sample => {
        const signals = padded([]);
        signals[now] = number;
        signals[hops] = other;
        return { nowMicros: 0, signals };
      });
      for (let i = 0; i < all.length; i += MAX_SAMPLES) {
        compare(bytes, loadProgram(bytes) as LoadedProgram, all.slice(i, i + MAX_SAMPLES));
      }
    }
  });

  test('refuses the same bytes for the same reason, and runs what is accepted alike', () => {
    const seen = new Set<string>();
    const property = fc.property(nearlyPrograms, samples, (bytes, samples) => {
      const loaded = loadProgram(bytes);
      if (typeof loaded !== 'string') {
        seen.add('accepted');
        compare(bytes, loaded, samples);
        return;
      }
      seen.add(loaded);
      expect(refusals[trial.run(bytes, samples).refusal]).toBe(loaded);
    });
    fc.assert(property, { numRuns: 2000 });
    for (const each of ['accepted', 'header', 'opcode', 'register', 'jump']) expect(seen).toContain(each);
  });

  test('ends and keeps to its registers whatever the bytes, even unchecked', () => {
    const property = fc.property(anyBytes, fc.infiniteStream(fc.nat(255)), samples, (some, more, samples) => {
      const bytes = new Uint8Array(PROGRAM_BYTES);
      bytes.set(some.subarray(0, PROGRAM_BYTES));
      for (let i = some.length; i < PROGRAM_BYTES; i++) bytes[i] = more.next().value;
      const outcome = trial.run(bytes, samples, 'unchecked');
      for (const [i, { registers }] of outcome.samples.entries()) {
        expect(registers.slice(0, SIGNAL_REGISTERS).map(Number)).toEqual(samples[i]!.signals);
        expect(registers.slice(27, 32)).toEqual([0n, 0n, 0n, 0n, 0n]);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});
