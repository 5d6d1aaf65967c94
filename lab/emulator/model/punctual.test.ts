import { expect, test } from 'vitest';
import { Punctual } from './punctual.ts';

/** Where sleeps are late by a share of their length, when does it wake up for something so far away? */
function wakesAt(punctual: Punctual, idleMicros: number, late: number): number {
  const asked = punctual.sleepMicros(idleMicros);
  const took = asked === 0 ? 0 : asked * (1 + late);
  punctual.slept(asked, took);
  return took;
}

test('wakes up on time where sleeps are late, for long ones and short ones', () => {
  const punctual = new Punctual();
  expect(wakesAt(punctual, 20_000, 0.01)).toBe(20_200);
  for (let i = 0; i < 200; i++) for (const idle of [300, 20_000]) wakesAt(punctual, idle, 0.01);
  expect(Math.abs(wakesAt(punctual, 20_000, 0.01) - 20_000)).toBeLessThan(15);
  expect(Math.abs(wakesAt(punctual, 300, 0.01) - 300)).toBeLessThan(2);
});

test('never sleeps beyond its time, and polls at most a moment when one sleep was late by seconds', () => {
  const punctual = new Punctual();
  for (let i = 0; i < 100; i++) punctual.slept(1000, 5_000_000);
  expect(punctual.sleepMicros(1000)).toBeGreaterThanOrEqual(600);
  expect(punctual.sleepMicros(1000)).toBeLessThanOrEqual(1000);
  for (let i = 0; i < 500; i++) punctual.slept(1000, 1000);
  expect(punctual.sleepMicros(1000)).toBeGreaterThan(999);
  expect(punctual.sleepMicros(0.5)).toBe(0);
});
