import { expect, test } from 'vitest';
import { SeededRng } from '../../base/rng.ts';
import { Elasticity } from './elasticity.ts';

/** Six seconds of cross traffic of which `share` follows our 5 Hz pulse, the rest is noise. */
function judge(share: number, trend = 0, pulse = share): number {
  const elasticity = new Elasticity();
  const rng = new SeededRng(1);
  for (let i = 0; i < 600; i++) {
    const noise = rng.u32() / 2 ** 32 - 0.5;
    const wave = Math.sin((2 * Math.PI * 5 * i) / 100);
    elasticity.add(i * 10_000, 10 + trend * i + share * wave + noise, 10 - pulse * wave);
  }
  return elasticity.at(5)!;
}

test('traffic that follows the pulse is elastic, noise is not, nor is a trend', () => {
  expect(judge(2)).toBeGreaterThan(5);
  expect(judge(0)).toBeLessThan(2);
  expect(judge(0, 1)).toBeLessThan(2);
  expect(judge(2, 1)).toBeGreaterThan(5);
});

test('an answer that is small beside the pulse may be the estimate’s, and counts for little', () => {
  expect(judge(2, 0, 20)).toBeLessThan(1.5);
});

test('our own rate is remembered for as long as traffic is looked at', () => {
  const elasticity = new Elasticity();
  for (let i = 0; i < 1000; i++) elasticity.add(i * 10_000, 0, i);
  expect(elasticity.oldestOwnRate).toBe(1000 - 512);
});

test('there is no judgement before five seconds, and none of silence', () => {
  const elasticity = new Elasticity();
  elasticity.add(0, 0, 7);
  expect(elasticity.at(5)).toBeUndefined();
  elasticity.add(5_110_000, 0, 3);
  expect(elasticity.at(5)).toBe(0);
  expect(elasticity.mean).toBe(0);
});
