// Tells the code, the strings and the comments of a TypeScript file apart, for the checks and documents that are made
// from our sources. A scanner, not a parser: what it cannot know (whether `/` divides or opens a regular expression)
// it decides by the character before, which is enough for code that the formatter has been over.
//
// All three views have the length of the source and keep its line breaks; whatever is not theirs is blank.

export interface SourceText {
  /** Neither comments nor the contents of strings. */
  readonly code: string;
  /** Code with its strings, without comments: where import specifiers stand. */
  readonly codeAndStrings: string;
  readonly comments: string;
}

type Kind = 'code' | 'string' | 'comment';

const regexMayFollow = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|delete))\s*$/;

export function readSource(source: string): SourceText {
  const kinds = new Array<Kind>(source.length).fill('code');
  let at = 0;
  // Depth of braces inside each `${…}` that is open; empty outside of templates.
  const templates: number[] = [];
  while (at < source.length) {
    const end = endOfToken(source, at, templates);
    const kind = kindOfToken(source, at, end);
    // The quotes of a string count as code, so that its place stays visible there.
    if (kind === 'string') kinds.fill('string', at + 1, end - 1);
    else kinds.fill(kind, at, end);
    at = end;
  }
  const view = (...shown: Kind[]) =>
    source.replace(/[^\n]/g, (character, index: number) => (shown.includes(kinds[index]!) ? character : ' '));
  return { code: view('code'), codeAndStrings: view('code', 'string'), comments: view('comment') };
}

function kindOfToken(source: string, at: number, end: number): Kind {
  if (end - at < 2) return 'code';
  return source[at] === '/' && (source[at + 1] === '/' || source[at + 1] === '*') ? 'comment' : 'string';
}

/** Where the comment, string, template piece or regular expression at `at` ends; at + 1 for any other character. */
function endOfToken(source: string, at: number, templates: number[]): number {
  const rest = source.slice(at, at + 2);
  if (rest === '//') return indexOr(source, '\n', at);
  if (rest === '/*') return indexOr(source, '*/', at + 2) + 2;
  const character = source[at]!;
  if (character === "'" || character === '"') return afterClosing(source, at, character);
  if (character === '/' && regexMayFollow.test(source.slice(Math.max(0, at - 20), at))) {
    return afterClosing(source, at, '/');
  }
  const inHole = templates.length > 0;
  if (inHole && character === '{') templates[templates.length - 1]!++;
  if (inHole && character === '}') {
    if (templates.at(-1) !== 0) templates[templates.length - 1]!--;
    else {
      templates.pop();
      return templatePiece(source, at, templates);
    }
  }
  return character === '`' ? templatePiece(source, at, templates) : at + 1;
}

/** From a backquote, or from the brace that ends a hole, to the template's end or its next hole. */
function templatePiece(source: string, at: number, templates: number[]): number {
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '`') return i + 1;
    else if (source[i] === '$' && source[i + 1] === '{') {
      templates.push(0);
      return i + 2;
    }
  }
  return source.length;
}

function afterClosing(source: string, at: number, quote: string): number {
  let inClass = false;
  for (let i = at + 1; i < source.length && source[i] !== '\n'; i++) {
    if (source[i] === '\\') i++;
    else if (quote === '/' && source[i] === '[') inClass = true;
    else if (source[i] === ']') inClass = false;
    else if (source[i] === quote && !inClass) return i + 1;
  }
  // Not closed on its line: it was no quote.
  return at + 1;
}

function indexOr(source: string, text: string, from: number): number {
  const found = source.indexOf(text, from);
  return found < 0 ? source.length : found;
}
