// Requests come out whole, however their bytes are cut.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestReader } from './requests.ts';

function encode(request: readonly string[]): string {
  return `*${request.length}\r\n${request.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

test('requests come out in order, however their bytes are cut', () => {
  const word = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) });
  const requests = fc.array(fc.array(word, { minLength: 1, maxLength: 4 }), { maxLength: 5 });
  fc.assert(
    fc.property(requests, fc.integer({ min: 1, max: 20 }), (sent, pieceBytes) => {
      const bytes = Buffer.from(sent.map(encode).join(''), 'latin1');
      const reader = new RequestReader();
      const received: string[][] = [];
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        received.push(...reader.push(bytes.subarray(at, at + pieceBytes)));
      }
      expect(received).toEqual(sent);
    }),
  );
});
