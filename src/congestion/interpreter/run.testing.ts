// Runs a program acknowledgement by acknowledgement, with signals and reports by name, for tests.

import { type CompiledProgram, compile } from '../language/compiler.ts';
import { type SignalName, signals } from '../language/signals.ts';
import { Machine } from './machine.ts';
import { type LoadedProgram, loadProgram } from './program.ts';

export type Sample = Partial<Record<SignalName, number>>;

export function load(program: CompiledProgram): LoadedProgram {
  const loaded = loadProgram(program.bytes);
  if (typeof loaded === 'string') throw new Error(`refused: ${loaded}`);
  return loaded;
}

export function start(text: string) {
  const program = compile(text);
  const machine = new Machine(load(program), 0);
  /** The report, if there is one. */
  const ack = (nowMicros: number, sample: Sample) => {
    machine.signals.fill(0);
    for (const [name, value] of Object.entries(sample)) machine.signals[signals[name as SignalName]] = value;
    if (!machine.run(nowMicros)) return undefined;
    return Object.fromEntries(program.reportNames.map((name, i) => [name, machine.report[i]!]));
  };
  return { program, machine, ack };
}

/** What an expression comes to. */
export function evaluate(expression: string, sample: Sample = {}): number {
  const run = start(`(def (Report (value 0))) (when true (:= Report.value ${expression}) (report))`);
  return run.ack(0, sample)!['value']!;
}
