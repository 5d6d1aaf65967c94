import { expect, test } from 'vitest';
import { SeededRng } from '../../../src/base/rng.ts';
import { flowBytes, MEAN_FLOW_BYTES, meanBytes, SIZE_CLASSES } from './sizes.ts';

test('each class has the mean that the thesis’ sample had, and all together have 17 KB', () => {
  const means = [487e6 / 97_606, 306e6 / 2_299, 907e6 / 95];
  for (const [index, each] of SIZE_CLASSES.entries())
    expect(meanBytes(each) / means[index]! - 1, each.name).toBeCloseTo(0, 2);
  expect(MEAN_FLOW_BYTES).toBeCloseTo(17_000, -2.5);
});

test('a sample has the shares, and the means within what chance allows', () => {
  const rng = new SeededRng(7);
  const sizes = Array.from({ length: 200_000 }, () => flowBytes(rng));
  for (const { share, leastBytes, mostBytes, name, ...rest } of SIZE_CLASSES) {
    const own = sizes.filter((size) => size > (leastBytes === 1 ? 0 : leastBytes) && size <= mostBytes);
    expect(own.length / sizes.length / share, name).toBeCloseTo(1, share > 0.01 ? 1 : 0);
    const mean = own.reduce((sum, size) => sum + size, 0) / own.length;
    expect(mean / meanBytes({ share, leastBytes, mostBytes, name, ...rest }), name).toBeCloseTo(1, 0);
  }
});
