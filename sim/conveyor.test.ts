// Order and times of what is on its way, and how little of it the clock sees.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Clock } from './clock.ts';
import { Conveyor } from './conveyor.ts';

test('everything arrives in order, never early, and behind what is slower ahead of it', () => {
  const pushes = fc.array(fc.record({ wait: fc.nat(30), travel: fc.nat(100) }), { maxLength: 60 });
  fc.assert(
    fc.property(pushes, (list) => {
      const clock = new Clock(0);
      const arrived: { item: number; at: number }[] = [];
      const conveyor = new Conveyor<number>(clock, (item) => arrived.push({ item, at: clock.nowMicros }));
      const expected: { item: number; at: number }[] = [];
      let last = 0;
      for (const [item, { wait, travel }] of list.entries()) {
        clock.runUntil(clock.nowMicros + wait);
        last = Math.max(last, clock.nowMicros + travel);
        expected.push({ item, at: last });
        conveyor.push(clock.nowMicros + travel, item);
        expect(clock.pending).toBeLessThanOrEqual(1);
      }
      clock.runUntil(10_000);
      expect(arrived).toEqual(expected);
      expect(conveyor.length).toBe(0);
    }),
  );
});

test('what arrives may put on more', () => {
  const clock = new Clock(0);
  const arrived: number[] = [];
  const conveyor = new Conveyor<number>(clock, (item) => {
    arrived.push(item);
    if (item < 100) conveyor.push(clock.nowMicros + 1, item + 1);
  });
  conveyor.push(5, 1);
  clock.runUntil(1000);
  expect(arrived).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
});
