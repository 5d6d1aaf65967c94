// From nested lists to a program (CCP §4.4.1). The thesis's listings differ in where `volatile` stands, in the names
// of the timer and in the scope of the round trip; all their forms are read, and become one.

import type { SelvageError } from '../../base/errors.ts';
import { type List, type Position, read, syntaxError, type Tree, type Word } from './reader.ts';
import { canonicalName } from './signals.ts';
import {
  type Clause,
  type Expression,
  type Name,
  type Operator,
  operators,
  type Program,
  type Statement,
  type Variable,
} from './syntax.ts';
import { MAX_VALUE } from './values.ts';

const operatorAliases: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or' };
const actions: readonly string[] = ['report', 'reset', 'fallthrough'];
const statementHint =
  'Statements are (:= name value), (if condition then else), (report), (reset) and (fallthrough).';

export function parse(text: string): Program {
  const variables: Variable[] = [];
  const clauses: Clause[] = [];
  for (const tree of read(text)) {
    const { head, rest, at } = headed(tree, '`(def …)` or `(when …)`');
    if (head === 'def' && clauses.length === 0)
      variables.push(...rest.flatMap((entry) => declared(entry, '')));
    else if (head === 'def')
      throw syntaxError(at, '`def` stands behind a clause', 'Declare variables first.');
    else if (head === 'when') clauses.push(clause(rest, at));
    else throw syntaxError(at, `\`${head}\` is no part of a program`, 'Programs are a def and when clauses.');
  }
  if (clauses.length === 0) {
    throw syntaxError({ line: 1, column: 1 }, 'the program has no clause', 'Write at least one (when …).');
  }
  return { variables, clauses };
}

/** One entry of `def`, which `Report` makes several. */
function declared(entry: Tree, prefix: string): Variable[] {
  const { head, rest, at } = headed(entry, 'a declaration');
  if (head === 'Report' && prefix === '' && rest.every(({ kind }) => kind === 'list')) {
    return rest.flatMap((inner) => declared(inner, 'Report.'));
  }
  const isVolatile = head === 'volatile';
  const [first, second, ...more] = isVolatile ? rest : [(entry as List).items[0]!, ...rest];
  if (first?.kind !== 'word' || second === undefined || more.length > 0) {
    throw syntaxError(
      at,
      'a declaration is a name and its initial value',
      'As (acked 0) or (volatile acked 0).',
    );
  }
  if (!/^(?:Report\.)?[A-Za-z_]\w*$/.test(first.text) || (prefix !== '' && first.text.includes('.'))) {
    throw syntaxError(first.at, `\`${first.text}\` cannot be a variable's name`, nameHint);
  }
  if (second.kind !== 'word') throw syntaxError(second.at, 'an initial value is a number');
  return [{ name: prefix + first.text, isVolatile, initial: number(second), at: first.at }];
}

const nameHint = 'Names are letters, digits and _, with Report. in front of what reports carry.';

function clause([condition, ...body]: readonly Tree[], at: Position): Clause {
  if (condition === undefined)
    throw syntaxError(at, '`when` has no condition', 'Write (when true …) for always.');
  return { condition: expression(condition), body: body.map(statement), at };
}

function statement(tree: Tree): Statement {
  const { head, rest, at } = headed(tree, 'a statement');
  if (head === ':=') return assignment(rest, at);
  if (head === 'if') return branch(rest, at);
  if (!actions.includes(head)) throw syntaxError(at, `\`${head}\` is no statement`, statementHint);
  if (rest.length > 0) throw syntaxError(rest[0]!.at, `\`${head}\` takes nothing`);
  return { kind: head as 'report' | 'reset' | 'fallthrough', at };
}

function assignment([target, value, ...more]: readonly Tree[], at: Position): Statement {
  if (target?.kind !== 'word' || value === undefined || more.length > 0) {
    throw syntaxError(at, '`:=` takes a name and a value', 'As (:= Cwnd (+ Cwnd Ack.bytes_acked)).');
  }
  const name: Name = { kind: 'name', name: canonicalName(target.text), at: target.at };
  return { kind: 'assign', target: name, value: assigned(name, value), at };
}

/** `(:= x (ewma w sample))` averages over x itself. */
function assigned(target: Name, value: Tree): Expression {
  if (value.kind === 'list' && value.items.length === 3 && isWord(value.items[0], 'ewma')) {
    const [, tenths, sample] = value.items;
    const operands = [expression(tenths!), target, expression(sample!)];
    return { kind: 'call', operator: 'ewma', operands, at: value.at };
  }
  return expression(value);
}

function branch([condition, then, otherwise, ...more]: readonly Tree[], at: Position): Statement {
  if (condition === undefined || then === undefined || more.length > 0) {
    throw syntaxError(at, '`if` takes a condition, what to do, and what to do otherwise', statementHint);
  }
  return {
    kind: 'if',
    condition: expression(condition),
    consequent: block(then),
    alternative: otherwise === undefined ? [] : block(otherwise),
    at,
  };
}

/** One statement, or a list of them. */
function block(tree: Tree): readonly Statement[] {
  if (tree.kind === 'list' && tree.items.every(({ kind }) => kind === 'list'))
    return tree.items.map(statement);
  return [statement(tree)];
}

function expression(tree: Tree): Expression {
  if (tree.kind === 'word') return leaf(tree);
  const { head, rest, at } = headed(tree, 'an expression');
  const operator = operatorAliases[head] ?? head;
  if (!Object.hasOwn(operators, operator)) throw noOperator(head, at);
  const [least, most] = operators[operator as Operator];
  if (rest.length < least || rest.length > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    throw syntaxError(at, `\`${head}\` takes ${wanted} operands, not ${rest.length}`);
  }
  return { kind: 'call', operator: operator as Operator, operands: rest.map(expression), at };
}

function noOperator(head: string, at: Position): SelvageError {
  if (head === ':=' || actions.includes(head)) {
    return syntaxError(
      at,
      `\`${head}\` is a statement and has no value`,
      'Put it into the body of a clause.',
    );
  }
  return syntaxError(at, `\`${head}\` is no operator`, `Operators are ${Object.keys(operators).join(' ')}.`);
}

function leaf(word: Word): Expression {
  if (/^[-+.\d]/.test(word.text) || word.text === 'true' || word.text === 'false') {
    return { kind: 'number', value: number(word), at: word.at };
  }
  const name = canonicalName(word.text);
  if (name !== 'Timer.Millis') return { kind: 'name', name, at: word.at };
  const micros: Name = { kind: 'name', name: 'Timer.Micros', at: word.at };
  const thousand: Expression = { kind: 'number', value: 1000, at: word.at };
  return { kind: 'call', operator: '/', operands: [micros, thousand], at: word.at };
}

function number({ text, at }: Word): number {
  if (text === 'true') return 1;
  if (text === 'false') return 0;
  if (text === '+infinity') return MAX_VALUE;
  if (/^\d+$/.test(text)) {
    const value = Number(text);
    if (value <= MAX_VALUE) return value;
    throw syntaxError(at, `${text} is more than ${MAX_VALUE}`, 'Write +infinity for the largest number.');
  }
  if (/^[-+]?\d*\.\d+$/.test(text)) {
    throw syntaxError(
      at,
      `${text} is no whole number`,
      'Multiply and divide: 1.25 times x is (/ (* x 5) 4).',
    );
  }
  const hint = 'Numbers are digits, true, false or +infinity; none is below 0.';
  throw syntaxError(at, `\`${text}\` is no number`, hint);
}

function headed(tree: Tree, what: string): { head: string; rest: readonly Tree[]; at: Position } {
  if (tree.kind === 'word') throw syntaxError(tree.at, `\`${tree.text}\` stands where ${what} should`);
  const [head, ...rest] = tree.items;
  if (head?.kind !== 'word')
    throw syntaxError(tree.at, `a list without a word in front stands where ${what} should`);
  return { head: head.text, rest, at: tree.at };
}

const isWord = (tree: Tree | undefined, text: string) => tree?.kind === 'word' && tree.text === text;
