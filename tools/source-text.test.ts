import { describe, expect, test } from 'vitest';
import { readSource } from './source-text.ts';

// Written with @ for $, which linters take for a mistake in an ordinary string.
const withHoles = (source: string) => source.replaceAll('@{', '$' + '{');
const squeeze = (text: string) => text.replace(/\s+/g, ' ').trim();

describe('code', () => {
  test.each([
    ['a(); // b()', 'a();'],
    ['a(/* b() */);', 'a( );'],
    ["a('b()');", "a(' ');"],
    ['a("it\'s"); b();', 'a(" "); b();'],
    ["a('\\''); b();", "a(' '); b();"],
    ['a(`b()`); c();', 'a(` `); c();'],
    ['a(`b @{c({ d: `e@{f}` })} g`); h();', 'a(` {c({ d: ` {f}` })} `); h();'],
    ["a(/'[/]/.test(b)); c('d');", "a(/ /.test(b)); c(' ');"],
    ['a = b / c; // d / e', 'a = b / c;'],
    ["// it's\nb();", 'b();'],
  ])('%s', (source, code) => {
    expect(squeeze(readSource(withHoles(source)).code)).toBe(code);
  });
});

test('comments, and nothing that only looks like one', () => {
  const { comments } = readSource(
    withHoles("const url = 'http://x'; // one\n/* two\n three */ f(`// no @{1 /* four */}`);"),
  );
  expect(squeeze(comments)).toBe('// one /* two three */ /* four */');
});

test('views keep the length and the lines', () => {
  const source = "import x from './x.ts'; // why\n\nf(`a\nb`);\n";
  for (const view of Object.values(readSource(source))) {
    expect(view).toHaveLength(source.length);
    expect(view.split('\n').map((line: string) => line.length)).toEqual(
      source.split('\n').map((line) => line.length),
    );
  }
});

test('specifiers stay readable without comments', () => {
  expect(squeeze(readSource("// import 'a';\nimport { b } from './b.ts';").codeAndStrings)).toBe(
    "import { b } from './b.ts';",
  );
});
