import { expect, test } from 'vitest';
import { Measurements } from './measurements.ts';
import { PERCENTILES, percentileCase, percentileOf, recordPercentiles } from './percentiles.ts';

test('the value that a share of all runs did not exceed', () => {
  const sorted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  expect([0, 0.1, 0.25, 0.5, 0.9, 1].map((share) => percentileOf(sorted, share))).toEqual([
    1, 1, 3, 5, 9, 10,
  ]);
  expect(percentileOf([7], 0)).toBe(7);
});

test('a distribution is a case for each percentile, from the worst run to the best', () => {
  const measured = new Measurements();
  recordPercentiles(measured, 'selvage', 'rate', [0.9, 0.5, 0.7]);
  expect(measured.situations('selvage')).toEqual(PERCENTILES.map(percentileCase));
  const of = (situation: string) => measured.median('selvage', situation, 'rate');
  expect([of('worst'), of('p50'), of('best')]).toEqual([0.5, 0.7, 0.9]);
});
