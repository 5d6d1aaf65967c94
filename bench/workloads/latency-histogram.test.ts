// Percentiles against a sorted list of the same values.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('is empty at first', () => {
  const histogram = new LatencyHistogram();
  expect([
    histogram.count,
    histogram.maxMicros,
    histogram.meanMicros,
    histogram.percentileMicros(0.5),
  ]).toEqual([0, 0, 0, 0]);
});

test('names the bucket a value is in by its upper edge, but nothing above the maximum', () => {
  expect(histogramOf([10.2, 10.9, 20]).percentileMicros(0.5)).toBe(11);
  expect(histogramOf([10.2]).percentileMicros(0.5)).toBe(10.2);
  expect(histogramOf([600, 10_000]).percentileMicros(0.5)).toBe(602);
});

test('percentiles are those of the sorted values, rounded up by at most a bucket', () => {
  const micros = fc.oneof(
    fc.double({ min: 0, max: 1000, noNaN: true }),
    fc.integer({ min: 0, max: 2 ** 30 }),
  );
  fc.assert(
    fc.property(
      fc.array(micros, { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0, 0.5, 0.99, 0.999, 1),
      (values, share) => {
        const histogram = histogramOf(values);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(share * values.length) - 1)]!;
        const found = histogram.percentileMicros(share);
        expect(found).toBeGreaterThanOrEqual(exact);
        expect(found).toBeLessThanOrEqual(Math.max(exact + 1, exact * (1 + 1 / 256)));
        expect(histogram.count).toBe(values.length);
        expect(histogram.maxMicros).toBe(sorted.at(-1));
      },
    ),
  );
});
