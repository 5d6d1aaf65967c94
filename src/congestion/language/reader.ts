// S-expressions: the text of a program as nested lists of words, each with its place. `;` begins a comment.

import { SelvageError } from '../../base/errors.ts';

export interface Position {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface Word {
  readonly kind: 'word';
  readonly text: string;
  readonly at: Position;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly at: Position;
}

export type Tree = Word | List;

/** Far more than a program needs that fits into its instructions. */
const MAX_DEPTH = 64;
const MAX_TEXT_LENGTH = 65_536;

export function syntaxError(at: Position, message: string, hint?: string): SelvageError {
  const sentence = `line ${at.line}, column ${at.column}: ${message}`;
  return new SelvageError('bad-input', sentence, hint === undefined ? {} : { hint });
}

/** The lists of a program's outermost level, one after the other. */
export function read(text: string): readonly Tree[] {
  if (text.length > MAX_TEXT_LENGTH) {
    throw syntaxError({ line: 1, column: 1 }, `the program is longer than ${MAX_TEXT_LENGTH} characters`);
  }
  const top: Tree[] = [];
  const open: { readonly items: Tree[]; readonly at: Position }[] = [];
  const place = new Cursor(text);
  for (const token of text.matchAll(/\s+|;[^\n]*|[()]|[^\s();]+/g)) {
    const at = place.advance(token.index);
    const items = open.at(-1)?.items ?? top;
    if (token[0] === '(') {
      if (open.length === MAX_DEPTH) throw syntaxError(at, `more than ${MAX_DEPTH} lists inside each other`);
      open.push({ items: [], at });
    } else if (token[0] === ')') {
      const list = open.pop();
      if (list === undefined)
        throw syntaxError(at, '`)` closes nothing', 'Remove it, or open a list before it.');
      (open.at(-1)?.items ?? top).push({ kind: 'list', ...list });
    } else if (!/^[\s;]/.test(token[0])) {
      items.push({ kind: 'word', text: token[0], at });
    }
  }
  const left = open.at(-1);
  if (left !== undefined) throw syntaxError(left.at, '`(` is never closed', 'Add a `)` at its end.');
  return top;
}

/** Lines and columns of rising offsets. */
class Cursor {
  private readonly text: string;
  private line = 1;
  private lineStart = 0;
  private seen = 0;

  constructor(text: string) {
    this.text = text;
  }

  advance(offset: number): Position {
    for (; this.seen < offset; this.seen++) {
      if (this.text.charCodeAt(this.seen) !== 10) continue;
      this.line++;
      this.lineStart = this.seen + 1;
    }
    return { line: this.line, column: offset - this.lineStart + 1 };
  }
}
