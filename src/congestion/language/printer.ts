// Programs as text, in one form: what was printed and read again is the same program.

import { type Expression, isReport, type Program, type Statement, type Variable } from './syntax.ts';
import { MAX_VALUE } from './values.ts';

const INDENT = '  ';

export function print({ variables, clauses }: Program): string {
  const lines: string[] = [];
  if (variables.length > 0) lines.push(...definition(variables));
  for (const { condition, body } of clauses) {
    const head = `(when ${printExpression(condition)}`;
    if (body.length === 0) lines.push(`${head})`);
    else lines.push(head, ...closed(body.flatMap((each) => statement(each, INDENT))));
  }
  return `${lines.join('\n')}\n`;
}

export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'number':
      return expression.value === MAX_VALUE ? '+infinity' : String(expression.value);
    case 'name':
      return expression.name;
    case 'call':
      return `(${[expression.operator, ...expression.operands.map(printExpression)].join(' ')})`;
  }
}

function definition(variables: readonly Variable[]): string[] {
  const reports = variables.filter(isReport).map((variable) => declaration(variable, 'Report.'.length));
  const others = variables
    .filter((variable) => !isReport(variable))
    .map((variable) => declaration(variable, 0));
  const lines = others.map((each) => INDENT + each);
  if (reports.length > 0) {
    lines.unshift(`${INDENT}(Report`, ...closed(reports.map((each) => INDENT + INDENT + each)));
  }
  return ['(def', ...closed(lines)];
}

function declaration({ name, isVolatile, initial }: Variable, prefix: number): string {
  const value = initial === MAX_VALUE ? '+infinity' : initial;
  return `(${isVolatile ? 'volatile ' : ''}${name.slice(prefix)} ${value})`;
}

function statement(each: Statement, indent: string): string[] {
  switch (each.kind) {
    case 'assign':
      return [`${indent}(:= ${each.target.name} ${printExpression(each.value)})`];
    case 'if':
      return [
        `${indent}(if ${printExpression(each.condition)}`,
        ...closed([
          ...block(each.consequent, indent + INDENT),
          ...(each.alternative.length > 0 ? block(each.alternative, indent + INDENT) : []),
        ]),
      ];
    default:
      return [`${indent}(${each.kind})`];
  }
}

function block(statements: readonly Statement[], indent: string): string[] {
  if (statements.length === 1) return statement(statements[0]!, indent);
  if (statements.length === 0) return [`${indent}()`];
  return [`${indent}(`, ...closed(statements.flatMap((each) => statement(each, indent + INDENT)))];
}

/** With a `)` behind the last line. */
function closed(lines: readonly string[]): string[] {
  return [...lines.slice(0, -1), `${lines.at(-1)})`];
}
