// Runs the program of one flow, once for every acknowledgement or timeout (CCP §4.3.3, §4.5.2, §4.5.3). Nothing is
// allocated, nothing thrown; a run takes at most as many steps as the program has instructions.

import {
  CWND,
  FIRST_VALUE,
  MAX_VALUES,
  opcodes,
  RATE,
  REGISTERS,
  SIGNAL_REGISTERS,
  TIMER,
} from '../language/instructions.ts';
import { add, divide, ewma, isqrt, multiply, subtract, toValue } from '../language/values.ts';
import type { LoadedProgram } from './program.ts';

export class Machine {
  /** What the datapath measured, by signal number (language/signals.ts); read at the beginning of a run. */
  readonly signals = new Float64Array(SIGNAL_REGISTERS);
  /** The latest report; as many values as the program reports. */
  readonly report = new Float64Array(MAX_VALUES);
  private readonly registers = new Float64Array(REGISTERS);
  private program: LoadedProgram;
  private timerZeroMicros: number;

  constructor(program: LoadedProgram, nowMicros: number) {
    this.program = program;
    this.timerZeroMicros = nowMicros;
    this.load(program, nowMicros);
  }

  get cwnd(): number {
    return this.registers[CWND]!;
  }

  get rate(): number {
    return this.registers[RATE]!;
  }

  get reportLength(): number {
    return this.program.reports;
  }

  /** Replaces the program; window and rate stay, the timer starts from zero. */
  load(program: LoadedProgram, nowMicros: number): void {
    this.program = program;
    this.registers.set(program.values, FIRST_VALUE);
    this.timerZeroMicros = nowMicros;
  }

  /** Sets a variable, the window or the rate from outside. */
  set(register: number, value: number): void {
    this.registers[register] = toValue(value);
  }

  /** Whether a report is due; it lies in `report` then. */
  run(nowMicros: number): boolean {
    const { registers, signals, program } = this;
    for (let i = 0; i < SIGNAL_REGISTERS; i++) registers[i] = toValue(signals[i]!);
    const elapsed = toValue(nowMicros - this.timerZeroMicros);
    registers[TIMER] = elapsed;
    const isReport = execute(program.code, registers);
    if (registers[TIMER] !== elapsed) this.timerZeroMicros = nowMicros - registers[TIMER]!;
    if (isReport) this.takeReport();
    return isReport;
  }

  private takeReport(): void {
    const { registers, program, report } = this;
    for (let i = 0; i < program.reports; i++) report[i] = registers[FIRST_VALUE + i]!;
    for (let i = program.volatileFirst; i < program.volatileEnd; i++) {
      registers[FIRST_VALUE + i] = program.values[i]!;
    }
  }
}

/** Whether `report` was executed. Every register holds a number of the language before and after. */
function execute(code: Uint32Array, registers: Float64Array): boolean {
  let isReport = false;
  for (let at = 0; at < code.length; at++) {
    const word = code[at]!;
    const target = (word >>> 8) & 255;
    const a = registers[(word >>> 16) & 255]!;
    const b = registers[word >>> 24]!;
    switch (word & 255) {
      case opcodes.end:
        return isReport;
      case opcodes.report:
        isReport = true;
        break;
      case opcodes.jump:
        at = target - 1;
        break;
      case opcodes.jumpIfZero:
        if (a === 0) at = target - 1;
        break;
      case opcodes.select:
        if (a !== 0) registers[target] = b;
        break;
      case opcodes.ewma:
        registers[target] = ewma(a, registers[target]!, b);
        break;
      default:
        registers[target] = compute(word & 255, a, b);
    }
  }
  return isReport;
}

function compute(opcode: number, a: number, b: number): number {
  switch (opcode) {
    case opcodes.move:
      return a;
    case opcodes.add:
      return add(a, b);
    case opcodes.subtract:
      return subtract(a, b);
    case opcodes.multiply:
      return multiply(a, b);
    case opcodes.divide:
      return divide(a, b);
    case opcodes.min:
      return Math.min(a, b);
    case opcodes.max:
      return Math.max(a, b);
    case opcodes.equal:
      return a === b ? 1 : 0;
    case opcodes.notEqual:
      return a === b ? 0 : 1;
    case opcodes.less:
      return a < b ? 1 : 0;
    case opcodes.lessOrEqual:
      return a <= b ? 1 : 0;
    case opcodes.and:
      return a !== 0 && b !== 0 ? 1 : 0;
    case opcodes.or:
      return a !== 0 || b !== 0 ? 1 : 0;
    default:
      return isqrt(a);
  }
}
