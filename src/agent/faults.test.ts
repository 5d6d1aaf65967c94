// What `--fault` takes, and what becomes of it.
import { expect, it, test } from 'vitest';
import { SeededRng } from '../base/rng.ts';
import { ChangingRates, parseFaults } from './faults.ts';

it('reads shares, ranges of shares and a seed', () => {
  expect(parseFaults('loss=0-2%,refuse=1.5%, seed=7')).toEqual({
    seed: 7,
    ranges: { loss: [0, 0.02], refuse: [0.015, 0.015] },
  });
});

test.each(['', 'loss', 'loss=2', 'loss=2-1%', 'loss=101%', 'lose=1%', 'seed=7%', 'loss=1%,'])(
  'refuses “%s”, and says what would work',
  (text) => {
    expect(() => parseFaults(text)).toThrow(expect.objectContaining({ code: 'bad-input' }));
  },
);

it('draws a share within its range anew every second, and leaves the others alone', () => {
  let now = 0;
  const rates = new ChangingRates({ loss: [0.01, 0.02] }, new SeededRng(1), () => now);
  const seen = new Set<number>();
  for (; now < 20e6; now += 250_000) {
    seen.add(rates.lossRate);
    expect(rates.refusalRate).toBe(0);
  }
  expect(seen.size).toBe(20);
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(0.01);
  expect(Math.max(...seen)).toBeLessThanOrEqual(0.02);
});
