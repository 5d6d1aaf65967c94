// The allocator against a list of blocks: none overlap, all are freed once, and an empty heap has all its room again.
import { expect, test } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { SEGMENT_BYTES, Slab } from './slab.ts';

itForSeeds('blocks do not overlap and can be freed once', 30, (seed) => {
  const rng = new SeededRng(seed);
  const slab = new Slab();
  const segments = 1 + below(rng, 3);
  for (let i = 0; i < segments; i++) slab.addSegment();
  const blocks = new Map<number, number>();
  const taken = new Uint8Array(segments * SEGMENT_BYTES);
  for (let step = 0; step < 400; step++) {
    if (below(rng, 3) > 0) {
      const bytes = 1 + below(rng, 2 ** (1 + below(rng, 20)));
      const address = slab.alloc(bytes);
      if (address < 0) continue;
      const size = slab.sizeOf(address);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(Math.floor(address / SEGMENT_BYTES)).toBe(Math.floor((address + size - 1) / SEGMENT_BYTES));
      expect(taken.subarray(address, address + size).indexOf(1)).toBe(-1);
      taken.fill(1, address, address + size);
      blocks.set(address, size);
    } else {
      const wild = rng.u32();
      expect(slab.free(wild)).toBe(blocks.delete(wild));
      const [address, size] = [...blocks][below(rng, blocks.size || 1)] ?? [];
      if (address === undefined) continue;
      expect([slab.sizeOf(address), slab.sizeOf(address + 1), slab.sizeOf(address + 64)]).toEqual([
        size,
        0,
        blocks.get(address + 64) ?? 0,
      ]);
      expect(slab.free(address + 1)).toBe(false);
      expect(slab.free(address)).toBe(true);
      expect([slab.free(address), slab.sizeOf(address)]).toEqual([false, 0]);
      blocks.delete(address);
      taken.fill(0, address, address + size!);
    }
    expect(slab.blocks).toBe(blocks.size);
  }
  for (const address of blocks.keys()) expect(slab.free(address)).toBe(true);
  for (let i = 0; i < segments; i++) expect(slab.alloc(SEGMENT_BYTES)).toBeGreaterThanOrEqual(0);
});

test('a segment holds exactly so many blocks of a size', () => {
  const slab = new Slab();
  expect(slab.alloc(64)).toBe(-1);
  slab.addSegment();
  let blocks = 0;
  while (slab.alloc(48) >= 0) blocks++;
  expect(blocks).toBe(SEGMENT_BYTES / 64);
});

test.each([-1, -SEGMENT_BYTES, 0.5, Number.NaN, SEGMENT_BYTES, 2 ** 32])(
  'there is no block at %d',
  (address) => {
    const slab = new Slab();
    slab.addSegment();
    slab.alloc(1);
    expect([slab.sizeOf(address), slab.free(address)]).toEqual([0, false]);
  },
);

test.each([0, -1, SEGMENT_BYTES + 1, Number.NaN])('there is no block of %d bytes', (bytes) => {
  const slab = new Slab();
  slab.addSegment();
  expect(slab.alloc(bytes)).toBe(-1);
});
