import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES, localMemory, Region } from './region.ts';

const CHUNKS = 6;
const memory = localMemory(CHUNKS);

describe('Region', () => {
  it('hands chunks out and takes them back by their references', () => {
    const operation = fc.oneof(
      fc.constant({ take: true }),
      fc.record({
        retain: fc.nat(CHUNKS),
        times: fc.integer({ min: 1, max: 5 }),
        at: fc.nat(CHUNK_BYTES - 1),
      }),
      fc.record({ release: fc.nat(CHUNKS), at: fc.nat(CHUNK_BYTES - 1) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
        const region = new Region(memory);
        const held = new Map<number, number>();
        const pick = (i: number) => [...held.keys()][i % Math.max(1, held.size)];
        for (const one of operations) {
          if ('take' in one) {
            const chunk = region.take();
            expect(chunk === 0).toBe(held.size === CHUNKS - 1);
            if (chunk === 0) continue;
            expect([chunk % CHUNK_BYTES, held.has(chunk)]).toEqual([0, false]);
            held.set(chunk, 1);
          } else if ('retain' in one) {
            const chunk = pick(one.retain);
            if (chunk === undefined) continue;
            region.retain(chunk + one.at, one.times);
            held.set(chunk, held.get(chunk)! + one.times);
          } else {
            const chunk = pick(one.release);
            if (chunk === undefined) continue;
            region.release(chunk + one.at);
            held.set(chunk, held.get(chunk)! - 1);
            if (held.get(chunk) === 0) held.delete(chunk);
          }
          expect(region.free).toBe(CHUNKS - 1 - held.size);
          for (const [chunk, references] of held) expect(region.references(chunk + 17)).toBe(references);
        }
      }),
    );
  });

  it('never hands out its first chunk, even after it was retained and released', () => {
    const region = new Region(memory);
    region.retain(0, 1);
    region.release(0);
    const taken = Array.from({ length: CHUNKS - 1 }, () => region.take());
    expect(taken).not.toContain(0);
    expect(region.take()).toBe(0);
    expect(region.free).toBe(0);
  });
});
