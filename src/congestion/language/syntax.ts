// What a program says, as data: declarations, then clauses of statements over expressions (CCP §4.4.1). Names are the
// canonical ones (signals.ts); what the parser only rewrites, as the two-operand `ewma`, is not here.

import type { Position } from './reader.ts';

/** Operators and how many operands each takes. */
export const operators = {
  '+': [2, 16],
  '-': [2, 2],
  '*': [2, 16],
  '/': [2, 2],
  '==': [2, 2],
  '!=': [2, 2],
  '<': [2, 2],
  '<=': [2, 2],
  '>': [2, 2],
  '>=': [2, 2],
  and: [2, 16],
  or: [2, 16],
  min: [2, 16],
  max: [2, 16],
  if: [3, 3],
  ewma: [3, 3],
  isqrt: [1, 1],
} as const satisfies Record<string, readonly [number, number]>;

export type Operator = keyof typeof operators;

export interface Literal {
  readonly kind: 'number';
  readonly value: number;
  readonly at: Position;
}

export interface Name {
  readonly kind: 'name';
  readonly name: string;
  readonly at: Position;
}

export interface Call {
  readonly kind: 'call';
  readonly operator: Operator;
  readonly operands: readonly Expression[];
  readonly at: Position;
}

export type Expression = Literal | Name | Call;

export interface Assignment {
  readonly kind: 'assign';
  readonly target: Name;
  readonly value: Expression;
  readonly at: Position;
}

export interface Branch {
  readonly kind: 'if';
  readonly condition: Expression;
  readonly consequent: readonly Statement[];
  readonly alternative: readonly Statement[];
  readonly at: Position;
}

export interface Action {
  readonly kind: 'report' | 'reset' | 'fallthrough';
  readonly at: Position;
}

export type Statement = Assignment | Branch | Action;

export interface Variable {
  /** With `Report.` in front when reports carry it. */
  readonly name: string;
  /** Has its initial value again after every report. */
  readonly isVolatile: boolean;
  readonly initial: number;
  readonly at: Position;
}

export interface Clause {
  readonly condition: Expression;
  readonly body: readonly Statement[];
  readonly at: Position;
}

export interface Program {
  readonly variables: readonly Variable[];
  readonly clauses: readonly Clause[];
}

export const isReport = ({ name }: Pick<Variable, 'name'>): boolean => name.startsWith('Report.');
