import { expect, test } from 'vitest';
import { Punctual } from './punctual.ts';

/** Where sleeps are late by a share of their length: when it wakes up for something so far away. */
function wakesAt(punctual: Punctual, waitMicros: number, lateShare: number): number {
  const asked = punctual.sleepMicros(waitMicros);
  punctual.slept(waitMicros, asked * lateShare);
  return asked * (1 + lateShare);
}

test('wakes up on time where sleeps are late, for long ones and short ones', () => {
  const punctual = new Punctual();
  expect(wakesAt(punctual, 20_000, 0.01)).toBe(20_200);
  for (let i = 0; i < 200; i++) for (const wait of [300, 20_000]) wakesAt(punctual, wait, 0.01);
  expect(Math.abs(wakesAt(punctual, 20_000, 0.01) - 20_000)).toBeLessThan(15);
  expect(Math.abs(wakesAt(punctual, 300, 0.01) - 300)).toBeLessThan(2);
});

test('sleeps half of each wait at least, however late it was, and learns when that is over', () => {
  const punctual = new Punctual();
  for (let i = 0; i < 100; i++) for (const wait of [200, 1000]) punctual.slept(wait, 5_000_000);
  expect(punctual.sleepMicros(200)).toBe(100);
  expect(punctual.sleepMicros(1000)).toBeCloseTo(750, 0);
  for (let i = 0; i < 500; i++) for (const wait of [200, 1000]) punctual.slept(wait, 0);
  expect(punctual.sleepMicros(200)).toBeGreaterThan(199);
  expect(punctual.sleepMicros(1000)).toBeGreaterThan(999);
  expect(punctual.sleepMicros(0.5)).toBe(0);
});
