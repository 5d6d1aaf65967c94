import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameQueue, PIECE_LAST, PIECE_LENGTH_MASK, PieceList } from './pieces.ts';

describe('FrameQueue', () => {
  it('is first in, first out, through any number of turns round its ring', () => {
    const operation = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 65_563 }) }),
      fc.record({ push: fc.integer({ min: 1, max: 65_563 }) }),
      fc.constant({ shift: true }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const queue = new FrameQueue();
        const model: [offset: number, length: number][] = [];
        let offset = 64;
        for (const one of operations) {
          if ('push' in one) {
            offset += 64;
            queue.push(offset, one.push);
            model.push([offset, one.push]);
          } else if (model.length > 0) {
            queue.shift();
            model.shift();
          }
          expect(queue.frames).toBe(model.length);
          expect(queue.bytes).toBe(model.reduce((sum, [, length]) => sum + length, 0));
          if (model.length > 0) expect([queue.frontOffset(), queue.frontLength()]).toEqual(model[0]);
        }
      }),
    );
  });
});

describe('PieceList', () => {
  it('marks the last piece of each frame', () => {
    const list = new PieceList(8);
    list.push(64, 1400);
    list.push(2000, 600);
    list.endFrame();
    list.push(4000, 100);
    list.endFrame();
    const pieces = Array.from({ length: list.count }, (_, i) => {
      const word = list.words[i * 2 + 1]!;
      return [list.words[i * 2]!, word & PIECE_LENGTH_MASK, (word & PIECE_LAST) !== 0];
    });
    expect(pieces).toEqual([
      [64, 1400, false],
      [2000, 600, true],
      [4000, 100, true],
    ]);
    list.clear();
    expect(list.count).toBe(0);
  });
});
