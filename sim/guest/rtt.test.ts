// Timeouts against the figures of RFC 6298 and Linux.
import { expect, test } from 'vitest';
import { INITIAL_RTO_MICROS, MAX_RTO_MICROS, MIN_RTO_MICROS, RttEstimator } from './rtt.ts';

function after(...samples: readonly number[]): RttEstimator {
  const rtt = new RttEstimator();
  for (const sample of samples) rtt.sample(sample);
  return rtt;
}

test('a second before anything is known', () => {
  expect(after().rtoMicros).toBe(INITIAL_RTO_MICROS);
});

test('the first sample is the round trip, and half of it the variation', () => {
  expect(after(400_000).rtoMicros).toBe(400_000 + 4 * 200_000);
});

test('further samples count an eighth, and a quarter for the variation', () => {
  const rtt = after(400_000, 200_000);
  expect(rtt.srttMicros).toBe(375_000);
  expect(rtt.rtoMicros).toBe(375_000 + 4 * (0.75 * 200_000 + 0.25 * 200_000));
});

test('in a data centre it is 200 ms more than the round trip', () => {
  expect(after(100, 100, 100).rtoMicros).toBe(100 + MIN_RTO_MICROS);
});

test('doubles with every timeout up to two minutes, until a sample comes', () => {
  const rtt = after(100);
  const timeouts = Array.from({ length: 12 }, () => {
    const { rtoMicros } = rtt;
    rtt.backoffs++;
    return rtoMicros;
  });
  expect(timeouts.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => 200_100 * 2 ** i));
  expect(timeouts.slice(10)).toEqual([MAX_RTO_MICROS, MAX_RTO_MICROS]);
  rtt.sample(100);
  expect(rtt.rtoMicros).toBe(200_100);
});

test('a probe waits two round trips, and for a lone segment as long as a timeout', () => {
  const rtt = after(1000);
  expect(rtt.probeMicros(2)).toBe(2 * 1000 + 2000);
  expect(rtt.probeMicros(1)).toBe(rtt.rtoMicros);
});
