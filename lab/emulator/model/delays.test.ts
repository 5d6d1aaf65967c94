import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Delays } from './delays.ts';

test('percentiles are exact to ten microseconds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(9_000_000), { minLength: 1, maxLength: 50 }),
      fc.constantFrom(0.01, 0.5, 0.95, 1),
      (micros, share) => {
        const delays = new Delays();
        for (const each of micros) delays.record(each);
        const sorted = micros.sort((a, b) => a - b);
        const exact = sorted[Math.ceil(sorted.length * share) - 1]!;
        expect(Math.abs(delays.percentileMicros(share) - exact)).toBeLessThanOrEqual(10);
      },
    ),
    { numRuns: 30 },
  );
});

test('what waited longer than it counts is the longest', () => {
  const delays = new Delays();
  delays.record(25e6);
  expect([delays.maxMicros, delays.percentileMicros(0.5)]).toEqual([25e6, 25e6]);
  expect(new Delays().percentileMicros(0.5)).toBe(0);
});
