// What a program may not do although it can be read: use what nobody declared, write what the datapath measures
// (CCP §4.5.2), declare a name twice. All problems are found at once, in the order of the text.

import { CWND, FIRST_VALUE, MAX_VALUES, RATE, TIMER } from './instructions.ts';
import type { Position } from './reader.ts';
import { canonicalName, type SignalName, signals } from './signals.ts';
import type { Expression, Name, Program, Statement, Variable } from './syntax.ts';
import { isReport } from './syntax.ts';

export interface Problem {
  readonly at: Position;
  readonly message: string;
}

/** What programs share with their datapath, by name. */
export const controls: ReadonlyMap<string, number> = new Map([
  ['Cwnd', CWND],
  ['Rate', RATE],
  ['Timer.Micros', TIMER],
]);

const reserved = new Set(['Ack', 'Flow', 'Timer', 'Report', 'true', 'false', 'volatile']);

/** The register of every name a program may use. */
export type Registers = ReadonlyMap<string, number>;

/** What reports carry comes first, what is volatile in one piece: both are ranges then. */
export function inRegisterOrder(variables: readonly Variable[]): readonly Variable[] {
  const place = (variable: Variable) =>
    isReport(variable) ? Number(variable.isVolatile) : 3 - Number(variable.isVolatile);
  return [...variables].sort((a, b) => place(a) - place(b));
}

export function registersOf(variables: readonly Variable[]): Registers {
  return new Map([
    ...Object.entries(signals),
    ...controls,
    ...inRegisterOrder(variables).map(({ name }, index): [string, number] => [name, FIRST_VALUE + index]),
  ]);
}

export function check(program: Program): Problem[] {
  const checker = new Checker(program.variables);
  for (const { condition, body } of program.clauses) {
    checker.expression(condition);
    checker.body(body, true);
  }
  return checker.problems;
}

class Checker {
  readonly problems: Problem[] = [];
  private readonly known: Registers;

  constructor(variables: readonly Variable[]) {
    this.known = registersOf(variables);
    const names = new Set<string>();
    for (const { name, at } of variables) {
      if (names.has(name)) this.report(at, `\`${name}\` is declared twice`);
      else if (reserved.has(name) || controls.has(canonicalName(name)) || canonicalName(name) !== name) {
        this.report(at, `\`${name}\` means something else already`);
      }
      names.add(name);
    }
    if (variables.length > MAX_VALUES)
      this.report(variables[MAX_VALUES]!.at, `more than ${MAX_VALUES} variables`);
  }

  expression(expression: Expression): void {
    if (expression.kind === 'name') this.use(expression);
    else if (expression.kind === 'call') for (const operand of expression.operands) this.expression(operand);
  }

  body(statements: readonly Statement[], isClause: boolean): void {
    for (const statement of statements) {
      if (statement.kind === 'assign') {
        this.target(statement.target);
        this.expression(statement.value);
      } else if (statement.kind === 'if') {
        this.expression(statement.condition);
        this.body(statement.consequent, false);
        this.body(statement.alternative, false);
      } else if (statement.kind === 'fallthrough' && !isClause) {
        this.report(statement.at, '`fallthrough` stands inside an `if`; it belongs to the whole clause');
      }
    }
  }

  private target({ name, at }: Name): void {
    if (isSignal(name)) this.report(at, `\`${name}\` is measured by the datapath and cannot be set`);
    else if (name === 'Timer.Millis') this.report(at, 'only Timer.Micros can be set');
    else this.use({ name, at });
  }

  private use({ name, at }: Pick<Name, 'name' | 'at'>): void {
    if (this.known.has(name)) return;
    const near = nearest(name, [...this.known.keys()]);
    const guess = near === undefined ? '' : `; did you mean \`${near}\`?`;
    this.report(at, `\`${name}\` is neither declared nor a signal${guess}`);
  }

  private report(at: Position, message: string): void {
    this.problems.push({ at, message });
  }
}

function isSignal(name: string): name is SignalName {
  return Object.hasOwn(signals, name);
}

/** The known name that differs only in case or scope, or has it in it. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const bare = (text: string) => text.slice(text.indexOf('.') + 1).toLowerCase();
  const wanted = bare(name);
  return (
    known.find((each) => bare(each) === wanted) ??
    known.find((each) => wanted.length > 2 && bare(each).includes(wanted))
  );
}
