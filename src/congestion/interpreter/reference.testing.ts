// The language's meaning a second time: walks the syntax tree and counts in BigInt, for the differential test of the
// compiler and the machine.

import { inRegisterOrder } from '../language/checker.ts';
import { type Expression, isReport, type Program, type Statement } from '../language/syntax.ts';

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);
const clamp = (number: bigint) => (number < 0n ? 0n : number > LARGEST ? LARGEST : number);
const truth = (holds: boolean) => (holds ? 1n : 0n);

function least(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

function greatest(a: bigint, b: bigint): bigint {
  return least(a, b) === a ? b : a;
}

const binary: Record<string, (a: bigint, b: bigint) => bigint> = {
  '+': (a, b) => clamp(a + b),
  '-': (a, b) => clamp(a - b),
  '*': (a, b) => clamp(a * b),
  '/': (a, b) => (b === 0n ? 0n : a / b),
  '==': (a, b) => truth(a === b),
  '!=': (a, b) => truth(a !== b),
  '<': (a, b) => truth(a < b),
  '<=': (a, b) => truth(a <= b),
  '>': (a, b) => truth(a > b),
  '>=': (a, b) => truth(a >= b),
  and: (a, b) => truth(a !== 0n && b !== 0n),
  or: (a, b) => truth(a !== 0n || b !== 0n),
  min: least,
  max: greatest,
};

export class Reference {
  readonly values = new Map<string, bigint>();
  private readonly program: Program;
  private isReport = false;

  constructor(program: Program) {
    this.program = program;
    for (const { name, initial } of program.variables) this.values.set(name, BigInt(initial));
    for (const name of ['Cwnd', 'Rate', 'Timer.Micros']) this.values.set(name, 0n);
  }

  /** The report, if there is one. */
  run(signals: Readonly<Record<string, number>>): bigint[] | undefined {
    this.isReport = false;
    for (const [name, value] of Object.entries(signals)) this.values.set(name, BigInt(value));
    for (const { condition, body } of this.program.clauses) {
      const isAlways = condition.kind === 'number' && condition.value !== 0;
      if (this.evaluate(condition) === 0n) continue;
      this.statements(body);
      if (!isAlways && !body.some(({ kind }) => kind === 'fallthrough')) break;
    }
    if (!this.isReport) return undefined;
    const variables = inRegisterOrder(this.program.variables);
    const report = variables.filter(isReport).map(({ name }) => this.values.get(name)!);
    for (const { name, isVolatile, initial } of variables)
      if (isVolatile) this.values.set(name, BigInt(initial));
    return report;
  }

  private statements(statements: readonly Statement[]): void {
    for (const each of statements) {
      if (each.kind === 'assign') this.values.set(each.target.name, this.evaluate(each.value));
      else if (each.kind === 'report') this.isReport = true;
      else if (each.kind === 'reset') this.values.set('Timer.Micros', 0n);
      else if (each.kind === 'if') {
        this.statements(this.evaluate(each.condition) === 0n ? each.alternative : each.consequent);
      }
    }
  }

  private evaluate(expression: Expression): bigint {
    if (expression.kind === 'number') return BigInt(expression.value);
    if (expression.kind === 'name') return this.values.get(expression.name)!;
    const operands = expression.operands.map((each) => this.evaluate(each));
    const [a, b, c] = operands as [bigint, bigint, bigint];
    switch (expression.operator) {
      case 'if':
        return a === 0n ? c : b;
      case 'isqrt':
        return root(a);
      case 'ewma':
        return b === 0n ? c : clamp(clamp(least(a, 10n) * b) + clamp((10n - least(a, 10n)) * c)) / 10n;
      default:
        return operands.reduce(binary[expression.operator]!);
    }
  }
}

function root(a: bigint): bigint {
  let low = 0n;
  let high = 2n ** 27n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle * middle <= a) low = middle;
    else high = middle;
  }
  return low;
}
