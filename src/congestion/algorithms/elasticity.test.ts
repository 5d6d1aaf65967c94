import { expect, test } from 'vitest';
import { SeededRng } from '../../base/rng.ts';
import { Elasticity } from './elasticity.ts';

/** Six seconds of cross traffic of which `share` follows a 5 Hz pulse, the rest is noise. */
function judge(share: number, trend = 0): number {
  const elasticity = new Elasticity();
  const rng = new SeededRng(1);
  for (let i = 0; i < 600; i++) {
    const noise = rng.u32() / 2 ** 32 - 0.5;
    elasticity.add(i * 10_000, 10 + trend * i + share * Math.sin((2 * Math.PI * 5 * i) / 100) + noise);
  }
  return elasticity.at(5)!;
}

test('traffic that follows the pulse is elastic, noise is not, nor is a trend', () => {
  expect(judge(2)).toBeGreaterThan(5);
  expect(judge(0)).toBeLessThan(2);
  expect(judge(0, 1)).toBeLessThan(2);
  expect(judge(2, 1)).toBeGreaterThan(5);
});

test('there is no judgement before five seconds, and none of silence', () => {
  const elasticity = new Elasticity();
  elasticity.add(0, 0);
  expect(elasticity.at(5)).toBeUndefined();
  elasticity.add(5_110_000, 0);
  expect(elasticity.at(5)).toBe(0);
  expect(elasticity.mean).toBe(0);
});
