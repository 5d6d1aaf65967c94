// Records copied by kept views against a plain loop.
import { expect } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { RecordViews } from './record-views.ts';

itForSeeds('whatever is copied from wherever is what a loop would copy', 60, (seed) => {
  const rng = new SeededRng(seed);
  const recordWords = [1, 3, 4, 16, 64, 65, 100, 511, 512, 513, 2048][below(rng, 11)]!;
  const records = 1 + below(rng, recordWords > 100 ? 20 : 1500);
  const origin = below(rng, 300);
  const array = new Uint32Array(origin + recordWords * records);
  const views = new RecordViews(array, origin, recordWords);
  for (let round = 0; round < 15; round++) {
    // What is in it changes; the views are kept.
    for (let i = 0; i < 20; i++) array[below(rng, array.length)] = rng.u32();
    const first = below(rng, records);
    const count = below(rng, records - first + 1);
    const at = below(rng, 9);
    const expected = new Uint32Array(at + count * recordWords + 5).fill(7);
    const copied = expected.slice();
    for (let i = 0; i < count * recordWords; i++) expected[at + i] = array[origin + first * recordWords + i]!;
    views.copyTo(copied, at, first, count);
    expect(Buffer.compare(Buffer.from(copied.buffer), Buffer.from(expected.buffer))).toBe(0);
  }
});
