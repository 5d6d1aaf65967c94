// Random programs that are well formed, for property tests (fast-check).

import fc from 'fast-check';
import { signalNames } from './signals.ts';
import {
  type Clause,
  type Expression,
  type Operator,
  operators,
  type Program,
  type Statement,
  type Variable,
} from './syntax.ts';
import { MAX_VALUE } from './values.ts';

const at = { line: 1, column: 1 };
const variableNames = ['Report.a', 'Report.b', 'c', 'd'];
const writable = [...variableNames, 'Cwnd', 'Rate', 'Timer.Micros'];

export const value = fc.oneof(
  { weight: 3, arbitrary: fc.nat(1000) },
  fc.constantFrom(0, 1, 2, 10, 2 ** 26, 2 ** 32 - 1, 2 ** 32, 2 ** 52, MAX_VALUE - 1, MAX_VALUE),
  fc.maxSafeNat(),
);

const name = (names: readonly string[]) =>
  fc.constantFrom(...names).map((each) => ({ kind: 'name' as const, name: each, at }));

const call = (operand: fc.Arbitrary<Expression>) =>
  fc.constantFrom(...(Object.keys(operators) as Operator[])).chain((operator) => {
    const [least, most] = operators[operator];
    return fc
      .array(operand, { minLength: least, maxLength: Math.min(most, 3) })
      .map((operands): Expression => ({ kind: 'call', operator, operands, at }));
  });

const expression: fc.Arbitrary<Expression> = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3 },
    value.map((number): Expression => ({ kind: 'number', value: number, at })),
    name([...signalNames, ...writable]),
    call(tie('expression')),
  ),
})).expression;

const assignment = fc
  .record({ target: name(writable), value: expression })
  .map((parts): Statement => ({ kind: 'assign', ...parts, at }));
const action = fc.constantFrom('report' as const, 'reset' as const).map((kind): Statement => ({ kind, at }));
const simple = fc.oneof({ weight: 3, arbitrary: assignment }, action);
const branch = fc
  .record({
    condition: expression,
    consequent: fc.array(simple, { maxLength: 2 }),
    alternative: fc.array(simple, { maxLength: 2 }),
  })
  .map((parts): Statement => ({ kind: 'if', ...parts, at }));

const clause: fc.Arbitrary<Clause> = fc
  .record({
    condition: expression,
    statements: fc.array(fc.oneof({ weight: 3, arbitrary: simple }, branch), { maxLength: 4 }),
    fallsThrough: fc.boolean(),
  })
  .map(({ condition, statements, fallsThrough }) => ({
    condition,
    body: fallsThrough ? [...statements, { kind: 'fallthrough' as const, at }] : statements,
    at,
  }));

const variables: fc.Arbitrary<readonly Variable[]> = fc
  .tuple(...variableNames.map(() => fc.record({ isVolatile: fc.boolean(), initial: value })))
  .map((each) => each.map((parts, i) => ({ name: variableNames[i]!, ...parts, at })));

export const program: fc.Arbitrary<Program> = fc.record({
  variables,
  clauses: fc.array(clause, { minLength: 1, maxLength: 4 }),
});
