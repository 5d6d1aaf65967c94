// Figures and lines as they are printed.
import { expect, test } from 'vitest';
import { count, figure, textTable, wrapped } from './text-table.ts';

test.each([
  [0, '0'],
  [0.0471, '0.047'],
  [1.234, '1.23'],
  [12.34, '12.3'],
  [123.4, '123'],
  [41_234.5, '41,235'],
])('figure %d is %s', (value, text) => {
  expect(figure(value)).toBe(text);
});

test('a count has no digits after the point', () => {
  expect([count(4), count(12_345)]).toEqual(['4', '12,345']);
});

test('words stand left, figures right', () => {
  const columns = [
    { title: 'peer', align: 'left' },
    { title: 'ms', align: 'right' },
  ] as const;
  expect(
    textTable(columns, [
      ['Selvage', '1.2'],
      ['a', '100'],
    ]),
  ).toBe('peer      ms\nSelvage  1.2\na        100');
});

test('lines break between words, and words that are too long stay whole', () => {
  expect(wrapped('one two three four', 9)).toBe('one two\nthree\nfour');
  expect(wrapped('a unbreakableword b', 6)).toBe('a\nunbreakableword\nb');
  expect(wrapped('short')).toBe('short');
});
