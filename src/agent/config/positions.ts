// Where in the YAML text a field stands, so that a complaint can name line and column.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
} from 'yaml';
import type { Path } from './problems.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The place of the value at `path`, or of its key; where there is none, of the innermost field around it. */
export function positionOf(document: Document, lines: LineCounter, path: Path, atKey = false): Position {
  let key: Node | undefined;
  let value = asNode(document.contents);
  for (const step of path) {
    const next = child(document, value, step);
    if (next === undefined) return at(lines, key ?? value);
    key = next.key;
    value = next.value;
  }
  return at(lines, atKey || isEmpty(value) ? (key ?? value) : value);
}

interface Entry {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
}

function child(document: Document, parent: Node | undefined, step: string | number): Entry | undefined {
  const container = isAlias(parent) ? parent.resolve(document) : parent;
  if (isMap(container)) {
    const pair = container.items.find((item) => keyText(item) === String(step));
    return pair && { key: asNode(pair.key), value: asNode(pair.value) };
  }
  if (isSeq(container) && typeof step === 'number') {
    const value = asNode(container.items[step]);
    return value && { key: undefined, value };
  }
  return undefined;
}

function keyText(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

function asNode(value: unknown): Node | undefined {
  return isNode(value) ? value : undefined;
}

/** `field:` with nothing behind it has a value that stands nowhere in particular. */
function isEmpty(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null);
}

function at(lines: LineCounter, node: Node | undefined): Position {
  const { line, col } = lines.linePos(node?.range?.[0] ?? 0);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
