import { expect, test } from 'vitest';
import { SeededRng } from '../../../src/base/rng.ts';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { makeCellularTrace } from './cellular.ts';
import { meanBitsPerSecond, parseTrace } from './trace.ts';

const wanted = { seconds: 120, ceilingBitsPerSecond: 12e6 };

itForSeeds(
  'a cellular trace can be read, is as long as asked and never faster than its ceiling',
  10,
  (seed) => {
    const times = makeCellularTrace(wanted, new SeededRng(seed));
    expect(parseTrace(times.join('\n'), 'x')).toEqual(times);
    expect(times[times.length - 1]).toBe(120_000);
    expect(meanBitsPerSecond(times)).toBeLessThan(12e6);
    const perSecond = new Float64Array(121);
    for (const millis of times) perSecond[Math.floor(millis / 1000)]!++;
    // 997 packets a second is the ceiling; a Poisson process exceeds its mean by six standard deviations hardly ever.
    expect(Math.max(...perSecond)).toBeLessThan(997 + 6 * Math.sqrt(997));
    // It wanders: no two seconds in a row are alike for long.
    expect(new Set(perSecond).size).toBeGreaterThan(20);
  },
);

test('a seed makes one trace', () => {
  const once = makeCellularTrace(wanted, new SeededRng(7));
  expect(makeCellularTrace(wanted, new SeededRng(7))).toEqual(once);
  expect(makeCellularTrace(wanted, new SeededRng(8))).not.toEqual(once);
});

test('links have outages, and come back from them after a second on average', () => {
  const gaps: number[] = [];
  for (let seed = 0; seed < 100; seed++) {
    const times = makeCellularTrace({ ...wanted, seconds: 300 }, new SeededRng(seed));
    for (let i = 1; i < times.length - 1; i++)
      if (times[i]! - times[i - 1]! > 300) gaps.push(times[i]! - times[i - 1]!);
  }
  expect(gaps.length).toBeGreaterThan(100);
  // Of an exponential time with a mean of 1 s, those longer than 300 ms have a mean of 1.3 s; and some links fall back
  // into another outage before they have sent a packet.
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  expect(mean).toBeGreaterThan(1000);
  expect(mean).toBeLessThan(2200);
});
