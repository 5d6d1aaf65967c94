// Answers are told apart, however their bytes are cut.
import { expect, test } from 'vitest';
import { ReplyReader } from './replies.ts';

const replies = [
  ['+OK\r\n', 'ok'],
  [':12\r\n', 'ok'],
  ['$3\r\nVXK\r\n', 'ok'],
  ['$0\r\n\r\n', 'ok'],
  ['$4\r\n\r\n\r\n\r\n', 'ok'],
  ['$-1\r\n', 'ok'],
  ["-ERR unknown command 'GOT'\r\n", 'error'],
] as const;

test.each(replies)('%j is %s, and nothing before its last byte', (text, kind) => {
  const reader = new ReplyReader();
  const seen = [...text].map((letter) => reader.push(Buffer.from(letter)));
  expect(seen).toEqual([...seen.slice(1).map(() => 'incomplete'), kind]);
});

test('one answer after the other', () => {
  const reader = new ReplyReader();
  expect(replies.map(([text]) => reader.push(Buffer.from(text)))).toEqual(replies.map(([, kind]) => kind));
});
