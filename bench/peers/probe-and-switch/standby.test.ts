import { expect, test } from 'vitest';
import { Standby } from './standby.ts';

test('switches after three misses in a row, and only to a tunnel that answers', () => {
  const standby = new Standby(2);
  const seconds = (...answers: boolean[][]) => answers.map((answered) => standby.second(answered));
  expect(seconds([false, true], [false, true], [true, true])).toEqual([false, false, false]);
  expect(seconds([false, true], [false, false], [false, false])).toEqual([false, false, false]);
  expect(standby.active).toBe(0);
  expect(seconds([false, true])).toEqual([true]);
  expect(standby.active).toBe(1);
  expect(seconds([true, true], [true, false])).toEqual([false, false]);
});
