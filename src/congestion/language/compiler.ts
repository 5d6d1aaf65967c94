// From a program's text to the bytes that datapaths run (CCP §4.5: the compiler and "mundane errors"). Every clause
// becomes its condition, a jump over its body, and the body; jumps only go forward, so a run is as short as the code.

import { SelvageError } from '../../base/errors.ts';
import { check, inRegisterOrder, type Registers, registersOf } from './checker.ts';
import { encode } from './encoder.ts';
import {
  CWND,
  FIRST_VALUE,
  instruction,
  MAX_INSTRUCTIONS,
  MAX_VALUES,
  opcodes,
  RATE,
  REGISTERS,
  TIMER,
} from './instructions.ts';
import { parse } from './parser.ts';
import {
  type Call,
  type Clause,
  type Expression,
  isReport,
  type Operator,
  type Program,
  type Statement,
} from './syntax.ts';

export interface CompiledProgram {
  /** What a datapath loads (instructions.ts). */
  readonly bytes: Uint8Array;
  /** What a report carries, in order, without `Report.`. */
  readonly reportNames: readonly string[];
  /** The registers that an algorithm may set from outside, by name: Cwnd, Rate and the variables. */
  readonly registers: Registers;
}

/** Throws a SelvageError that names line and column of what is wrong. */
export function compile(text: string): CompiledProgram {
  return generate(parse(text));
}

export function generate(program: Program): CompiledProgram {
  const problems = check(program);
  if (problems.length > 0) {
    const sentences = problems.map(({ at, message }) => `line ${at.line}, column ${at.column}: ${message}`);
    throw new SelvageError('bad-input', sentences.join('\n'));
  }
  const variables = inRegisterOrder(program.variables);
  const names = variables.map(({ name }) => name);
  const all = registersOf(program.variables);
  const generator = new Generator(
    variables.map(({ initial }) => initial),
    all,
  );
  generator.clauses(program.clauses);
  const firstVolatile = variables.findIndex(({ isVolatile }) => isVolatile);
  const volatiles = variables.filter(({ isVolatile }) => isVolatile).length;
  const reports = variables.filter(isReport);
  return {
    bytes: encode({
      code: generator.code,
      values: generator.values,
      reports: reports.length,
      volatileFirst: Math.max(0, firstVolatile),
      volatileEnd: Math.max(0, firstVolatile) + volatiles,
    }),
    reportNames: reports.map(({ name }) => name.slice('Report.'.length)),
    registers: new Map([
      ['Cwnd', CWND],
      ['Rate', RATE],
      ...names.map((name): [string, number] => [name, all.get(name)!]),
    ]),
  };
}

/** Operators of two operands that are one instruction; the others take their operands the other way round. */
const instructionOf: Partial<Record<Operator, { readonly opcode: number; readonly isSwapped?: true }>> = {
  '+': { opcode: opcodes.add },
  '-': { opcode: opcodes.subtract },
  '*': { opcode: opcodes.multiply },
  '/': { opcode: opcodes.divide },
  '==': { opcode: opcodes.equal },
  '!=': { opcode: opcodes.notEqual },
  '<': { opcode: opcodes.less },
  '<=': { opcode: opcodes.lessOrEqual },
  '>': { opcode: opcodes.less, isSwapped: true },
  '>=': { opcode: opcodes.lessOrEqual, isSwapped: true },
  and: { opcode: opcodes.and },
  or: { opcode: opcodes.or },
  min: { opcode: opcodes.min },
  max: { opcode: opcodes.max },
};

class Generator {
  readonly code: number[] = [];
  /** Initial values of registers from FIRST_VALUE on: variables, then constants. */
  readonly values: number[];
  private readonly registers: Registers;
  private readonly constants = new Map<number, number>();
  /** Temporaries are taken from the top downwards. */
  private temporary = REGISTERS;
  private lowestTemporary = REGISTERS;

  constructor(initials: readonly number[], registers: Registers) {
    this.values = [...initials];
    this.registers = registers;
  }

  clauses(clauses: readonly Clause[]): void {
    for (const { condition, body } of clauses) {
      // What stands behind a clause that is always true could never be reached (listings 4.2 and 4.3 have such).
      const isAlways = condition.kind === 'number' && condition.value !== 0;
      const skip = isAlways ? undefined : this.jumpUnless(condition);
      this.statements(body);
      if (!isAlways && !body.some(({ kind }) => kind === 'fallthrough')) this.emit(opcodes.end, 0, 0, 0);
      if (skip !== undefined) this.land(skip);
    }
    this.emit(opcodes.end, 0, 0, 0);
  }

  private statements(statements: readonly Statement[]): void {
    for (const statement of statements) this.statement(statement);
  }

  private statement(statement: Statement): void {
    if (statement.kind === 'assign') {
      this.evaluateInto(statement.value, this.registers.get(statement.target.name)!);
    } else if (statement.kind === 'report') {
      this.emit(opcodes.report, 0, 0, 0);
    } else if (statement.kind === 'reset') {
      this.emit(opcodes.move, TIMER, this.constant(0), 0);
    } else if (statement.kind === 'if') {
      const skip = this.jumpUnless(statement.condition);
      this.statements(statement.consequent);
      if (statement.alternative.length > 0) {
        const end = this.emit(opcodes.jump, 0, 0, 0);
        this.land(skip);
        this.statements(statement.alternative);
        this.land(end);
      } else this.land(skip);
    }
  }

  /** The place of a jump whose target is still open. */
  private jumpUnless(condition: Expression): number {
    const held = this.temporary;
    const register = this.evaluate(condition);
    this.temporary = held;
    return this.emit(opcodes.jumpIfZero, 0, register, 0);
  }

  private land(jump: number): void {
    // A jump behind the last instruction there can be: the length is refused at the end.
    this.code[jump] = (this.code[jump]! | ((this.code.length & 255) << 8)) >>> 0;
  }

  /** The register where an expression's value is; it may be a temporary, which the caller frees. */
  private evaluate(expression: Expression): number {
    if (expression.kind === 'number') return this.constant(expression.value);
    if (expression.kind === 'name') return this.registers.get(expression.name)!;
    const target = this.takeTemporary();
    this.callInto(expression, target);
    return target;
  }

  private evaluateInto(expression: Expression, target: number): void {
    const held = this.temporary;
    if (expression.kind === 'call' && isOneInstruction(expression)) this.callInto(expression, target);
    else this.emit(opcodes.move, target, this.evaluate(expression), 0);
    this.temporary = held;
  }

  /** Unless the call is one instruction, `target` must not be among its operands. */
  private callInto({ operator, operands }: Call, target: number): void {
    const held = this.temporary;
    const [first, second, third] = operands as [Expression, Expression, Expression];
    if (operator === 'if') {
      const condition = this.evaluate(first);
      const then = this.evaluate(second);
      this.emit(opcodes.move, target, this.evaluate(third), 0);
      this.emit(opcodes.select, target, condition, then);
    } else if (operator === 'ewma') {
      const tenths = this.evaluate(first);
      const sample = this.evaluate(third);
      this.emit(opcodes.move, target, this.evaluate(second), 0);
      this.emit(opcodes.ewma, target, tenths, sample);
    } else if (operator === 'isqrt') {
      this.emit(opcodes.isqrt, target, this.evaluate(first), 0);
    } else {
      this.foldInto(operator, operands, target);
    }
    this.temporary = held;
  }

  /** (+ a b c) is ((a + b) + c). */
  private foldInto(operator: Operator, operands: readonly Expression[], target: number): void {
    const { opcode, isSwapped } = instructionOf[operator]!;
    let left = this.evaluate(operands[0]!);
    for (const operand of operands.slice(1)) {
      const held = this.temporary;
      const right = this.evaluate(operand);
      if (isSwapped) this.emit(opcode, target, right, left);
      else this.emit(opcode, target, left, right);
      this.temporary = held;
      left = target;
    }
  }

  private constant(value: number): number {
    const known = this.constants.get(value);
    if (known !== undefined) return known;
    const register = FIRST_VALUE + this.values.push(value) - 1;
    this.constants.set(value, register);
    this.refuseOverlap();
    return register;
  }

  private takeTemporary(): number {
    this.temporary--;
    this.lowestTemporary = Math.min(this.lowestTemporary, this.temporary);
    this.refuseOverlap();
    return this.temporary;
  }

  private refuseOverlap(): void {
    if (FIRST_VALUE + this.values.length <= this.lowestTemporary) return;
    const what = `${MAX_VALUES} variables, constants and intermediate results`;
    throw new SelvageError('bad-input', `the program needs more than ${what}`, { hint: tooLargeHint });
  }

  private emit(opcode: number, target: number, a: number, b: number): number {
    if (this.code.length === MAX_INSTRUCTIONS) {
      const message = `the program is longer than ${MAX_INSTRUCTIONS} instructions`;
      throw new SelvageError('bad-input', message, { hint: tooLargeHint });
    }
    return this.code.push(instruction(opcode, target, a, b)) - 1;
  }
}

const tooLargeHint = 'Leave more to the algorithm, which gets the reports.';

function isOneInstruction({ operator, operands }: Call): boolean {
  return operator === 'isqrt' || (operands.length === 2 && instructionOf[operator] !== undefined);
}
