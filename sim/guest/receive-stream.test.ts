// The receiving stream against a set of all bytes that came.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReceiveStream } from './receive-stream.ts';

const SIZE = 60;

test('grows up to the first byte that is missing, whatever comes in whatever order', () => {
  const piece = fc.record({ offset: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 20 }) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const stream = new ReceiveStream();
      const came = new Set<number>();
      for (const { offset, length } of pieces) {
        const before = stream.next;
        const grown = stream.take(offset, length);
        for (let byte = offset; byte < offset + length; byte++) came.add(byte);
        let missing = 0;
        while (came.has(missing)) missing++;
        expect(stream.next).toBe(missing);
        expect(grown).toBe(missing - before);
        expect(stream.hasGap).toBe([...came].some((byte) => byte > missing));
      }
    }),
  );
});
