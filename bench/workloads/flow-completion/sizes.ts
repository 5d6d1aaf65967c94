// Sizes of flows like those of an Internet link (CCP §4.6.1): its authors' sample of 100,000 flows had 97,606 of up to
// 10 KB with 487 MB together, 95 above 1 MB with 907 MB, and 1.7 GB in all. The sample itself is not published, so within
// each class sizes are uniform or Pareto's with the same mean, as far as that fixes them.
import type { Rng } from '../../../src/base/rng.ts';

export interface SizeClass {
  readonly name: string;
  /** Of all flows. */
  readonly share: number;
  readonly leastBytes: number;
  readonly mostBytes: number;
  /** Of a Pareto distribution between both; absent: uniform. */
  readonly shape?: number;
}

/** Shapes are solved for means of 133 KB and 9.55 MB (sizes.test.ts). */
export const SIZE_CLASSES: readonly SizeClass[] = [
  { name: '≤ 10 KB', share: 0.97606, leastBytes: 1, mostBytes: 10_000 },
  { name: '10 KB – 1 MB', share: 0.02299, leastBytes: 10_000, mostBytes: 1_000_000, shape: 0.323 },
  { name: '> 1 MB', share: 0.00095, leastBytes: 1_000_000, mostBytes: 50_000_000, shape: 0.2467 },
];

/** Over all classes. */
export const MEAN_FLOW_BYTES = SIZE_CLASSES.reduce((sum, each) => sum + each.share * meanBytes(each), 0);

export function meanBytes({ leastBytes, mostBytes, shape }: SizeClass): number {
  if (shape === undefined) return (leastBytes + mostBytes) / 2;
  const within = 1 - (leastBytes / mostBytes) ** shape;
  const rising = leastBytes ** shape * (mostBytes ** (1 - shape) - leastBytes ** (1 - shape));
  return (shape / (1 - shape)) * (rising / within);
}

export function flowBytes(rng: Rng): number {
  let place = uniform(rng);
  const found = SIZE_CLASSES.find(({ share }) => {
    if (place < share) return true;
    place -= share;
    return false;
  });
  return Math.round(sizeWithin(found ?? SIZE_CLASSES[0]!, uniform(rng)));
}

/** The inverse of the distribution. */
function sizeWithin({ leastBytes, mostBytes, shape }: SizeClass, place: number): number {
  if (shape === undefined) return leastBytes + place * (mostBytes - leastBytes);
  return leastBytes / (1 - place * (1 - (leastBytes / mostBytes) ** shape)) ** (1 / shape);
}

export function uniform(rng: Rng): number {
  return rng.u32() / 0x1_0000_0000;
}
