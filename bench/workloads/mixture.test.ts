import { expect, test } from 'vitest';
import { mixedPercentile } from './mixture.ts';

const upTo = (most: number) => Array.from({ length: 101 }, (_, percent) => (most * percent) / 100);

test('one distribution keeps its percentiles', () => {
  for (const percent of [1, 50, 99])
    expect(mixedPercentile([{ weight: 7, percentiles: upTo(200) }], percent / 100)).toBeCloseTo(2 * percent);
});

test('of two, the heavier one counts more', () => {
  const [fast, slow] = [upTo(100), upTo(100).map((value) => 1000 + value)];
  const mixed = (fastWeight: number, share: number) =>
    mixedPercentile(
      [
        { weight: fastWeight, percentiles: fast },
        { weight: 1, percentiles: slow },
      ],
      share,
    );
  expect(mixed(1, 0.25)).toBeCloseTo(50);
  expect(mixed(1, 0.75)).toBeCloseTo(1050);
  expect(mixed(99, 0.5)).toBeCloseTo(50.5, 1);
  expect(mixed(99, 0.995)).toBeCloseTo(1050);
});
