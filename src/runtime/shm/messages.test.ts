// What is not a message is refused with a reason, and never throws.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commonVersion, type FromAgent, type Hello, parseFromAgent, parseFromClient } from './messages.ts';

const hello: Hello = {
  type: 'hello',
  versions: [1, 1],
  service: 'echo',
  blocks: false,
  flows: 1,
  recordWords: 16,
  records: 64,
};

test('a hello is read as it was written', () => {
  expect(parseFromClient(JSON.stringify(hello))).toEqual(hello);
});

test.each([
  ['[', 'a message is not a JSON object'],
  ['null', 'a message is not a JSON object'],
  ['{}', 'the first message is no hello'],
  [{ ...hello, versions: [1] }, 'versions is not a pair of whole numbers'],
  ...[7, '', 'a'.repeat(65), 'echo\n', 'écho'].map((service): [object, string] => [
    { ...hello, service },
    'service is not a name of 1 to 64 letters, digits, dots, dashes and underscores',
  ]),
  [{ ...hello, blocks: 1 }, 'blocks is neither true nor false'],
  [{ ...hello, flows: 65 }, 'flows is not a whole number from 1 to 64'],
  [{ ...hello, recordWords: 2049 }, 'recordBytes is not a multiple of 4 from 4 to 8192'],
  [{ ...hello, recordWords: 1.5 }, 'recordBytes is not a multiple of 4 from 4 to 8192'],
  [{ ...hello, records: 65 }, 'records is not a power of two from 2 to 65536'],
  [
    { ...hello, flows: 64, recordWords: 2048, records: 1024 },
    'flows × records × recordBytes is more than 64 MB',
  ],
  [{ ...hello, blocks: true, recordWords: 1 }, 'a record of 4 bytes has no room for a block'],
])('%j', (message, complaint) => {
  expect(parseFromClient(typeof message === 'string' ? message : JSON.stringify(message))).toBe(complaint);
});

test('any JSON is a message or is refused', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const fromClient = parseFromClient(text);
      expect(typeof fromClient === 'string' || fromClient.type === 'grow').toBe(true);
      expect(parseFromAgent(text)?.type ?? 'none').toMatch(/^(none|segment|full|refusal)$/);
    }),
  );
});

test.each<FromAgent>([
  { type: 'welcome', version: 1, flows: 2, recordWords: 4, records: 8 },
  { type: 'segment', owner: 'agent' },
  { type: 'full' },
  { type: 'refusal', code: 'in-use', message: 'No.', hint: 'Wait.' },
])('$type is read as it was written', (message) => {
  expect(parseFromAgent(JSON.stringify(message))).toEqual(message);
});

test('the newest common version', () => {
  expect([
    commonVersion([1, 9]),
    commonVersion([0, 1]),
    commonVersion([2, 3]),
    commonVersion([-1, 0]),
  ]).toEqual([1, 1, undefined, undefined]);
});
