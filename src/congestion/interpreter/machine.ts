// Runs the program of one flow, once for every acknowledgement or timeout (CCP §4.3.3, §4.5.2, §4.5.3). Nothing is
// allocated, nothing thrown; a run takes at most as many steps as the program has instructions.

import {
  CWND,
  FIRST_VALUE,
  MAX_VALUES,
  RATE,
  REGISTERS,
  SIGNAL_REGISTERS,
  TIMER,
} from '../language/instructions.ts';
import { add, divide, ewma, isqrt, multiply, subtract, toValue } from '../language/values.ts';
import type { LoadedProgram } from './program.ts';

/** All that a machine needs to go on. */
export interface MachineState {
  readonly registers: Float64Array;
  readonly signals: Float64Array;
  readonly program: LoadedProgram;
  readonly timerZeroMicros: number;
}

export class Machine {
  /** What the datapath measured, by signal number (language/signals.ts); read at the beginning of a run. */
  readonly signals: Float64Array;
  /** The latest report; as many values as the program reports. */
  readonly report = new Float64Array(MAX_VALUES);
  private readonly registers: Float64Array;
  private program: LoadedProgram;
  private timerZeroMicros: number;

  constructor(program: LoadedProgram, nowMicros: number, old?: MachineState) {
    this.signals = old?.signals ?? new Float64Array(SIGNAL_REGISTERS);
    this.registers = old?.registers ?? new Float64Array(REGISTERS);
    this.program = old?.program ?? program;
    this.timerZeroMicros = old?.timerZeroMicros ?? nowMicros;
    if (old === undefined) this.load(program, nowMicros);
  }

  save(): MachineState {
    const { registers, signals, program, timerZeroMicros } = this;
    return { registers, signals, program, timerZeroMicros };
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

  /** Whether a report is due; it lies in `report` then, unless it comes too soon: its variables go on counting. */
  run(nowMicros: number, isTooSoon = false): boolean {
    const { registers, signals, program } = this;
    for (let i = 0; i < SIGNAL_REGISTERS; i++) registers[i] = toValue(signals[i]!);
    const elapsed = toValue(nowMicros - this.timerZeroMicros);
    registers[TIMER] = elapsed;
    const isReport = execute(program.code, registers);
    if (registers[TIMER] !== elapsed) this.timerZeroMicros = nowMicros - registers[TIMER]!;
    if (isReport && !isTooSoon) this.takeReport();
    return isReport;
  }

  /** Fills `report` with what the variables hold now. */
  takeReport(): void {
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
    // The opcodes as they are written in instructions.ts: only of literals V8 makes a table, which is three times as fast.
    switch (word & 255) {
      case 0: // end
        return isReport;
      case 1: // move
        registers[target] = a;
        break;
      case 2: // add
        registers[target] = add(a, b);
        break;
      case 3: // subtract
        registers[target] = subtract(a, b);
        break;
      case 4: // multiply
        registers[target] = multiply(a, b);
        break;
      case 5: // divide
        registers[target] = divide(a, b);
        break;
      case 6: // min
        registers[target] = Math.min(a, b);
        break;
      case 7: // max
        registers[target] = Math.max(a, b);
        break;
      case 8: // equal
        registers[target] = a === b ? 1 : 0;
        break;
      case 9: // notEqual
        registers[target] = a === b ? 0 : 1;
        break;
      case 10: // less
        registers[target] = a < b ? 1 : 0;
        break;
      case 11: // lessOrEqual
        registers[target] = a <= b ? 1 : 0;
        break;
      case 12: // and
        registers[target] = a !== 0 && b !== 0 ? 1 : 0;
        break;
      case 13: // or
        registers[target] = a !== 0 || b !== 0 ? 1 : 0;
        break;
      case 14: // select
        if (a !== 0) registers[target] = b;
        break;
      case 15: // ewma
        registers[target] = ewma(a, registers[target]!, b);
        break;
      case 16: // isqrt
        registers[target] = isqrt(a);
        break;
      case 17: // jumpIfZero
        if (a === 0) at = target - 1;
        break;
      case 18: // jump
        at = target - 1;
        break;
      case 19: // report
        isReport = true;
        break;
    }
  }
  return isReport;
}
