import { expect, it } from 'vitest';
import { longestGap, ProbeTally } from './tally.ts';

it('counts what is lost, what came twice and what was overtaken, and remembers gaps', () => {
  const tally = new ProbeTally(1000);
  for (const [number, sent, arrived] of [
    [5, 0, 100],
    [6, 0, 110],
    [8, 1000, 1100],
    [7, 0, 1150],
    [8, 1000, 1200],
    [10, 2000, 5200],
  ] as const) {
    tally.take(number, sent, arrived);
  }
  const { gaps, ...counts } = tally.endPhase();
  expect(counts).toEqual({ packets: 6, lost: 1, duplicated: 1, reordered: 1 });
  expect(gaps.map(({ micros }) => micros)).toEqual([990, 4000]);
  expect(longestGap(gaps, 0, 10_000)).toBe(4000);
  expect(longestGap(gaps, 0, 1150)).toBe(990);
  expect(longestGap(gaps, 6000, 7000)).toBe(0);
  tally.take(9, 2000, 5300);
  expect(tally.endPhase()).toMatchObject({ packets: 1, lost: -1, reordered: 1 });
});

it('does not count a gap that the sender made', () => {
  const tally = new ProbeTally(1000);
  tally.take(0, 0, 100);
  tally.take(1, 20_000, 20_150);
  expect(tally.endPhase().gaps.map(({ micros }) => micros)).toEqual([1050]);
});
