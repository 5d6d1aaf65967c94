// What is counted in which phase, and where gaps belong.
import { expect, test } from 'vitest';
import { Tally } from './tally.ts';

test('counts completions, failures, latencies and gaps by phase', () => {
  const tally = new Tally(2, 'calm', 0);
  tally.restart(100);
  tally.complete(0, 100, 101);
  tally.complete(1, 100, 104);
  tally.complete(0, 101, 103);
  tally.enterPhase('storm', 1100);
  tally.fail(1200);
  tally.complete(0, 103, 1103);
  tally.complete(1, 1105, 1110);
  const [calm, storm] = tally.finish(1600);
  expect(calm).toMatchObject({
    phase: 'calm',
    seconds: 1,
    completed: 3,
    failed: 0,
    requestsPerSecond: 3,
    maxMicros: 4000,
    longestGapMicros: 4000,
  });
  // Both gaps that end here began in the calm, the longer one from 104.
  expect(storm).toMatchObject({ completed: 2, failed: 1, maxMicros: 1_000_000, longestGapMicros: 1_006_000 });
  expect([tally.completed, tally.failed]).toEqual([5, 1]);
});

test('a gap that is open at the end counts, also of a connection that never had an answer', () => {
  const tally = new Tally(2, 'all', 0);
  tally.restart(10);
  tally.complete(0, 10, 30);
  expect(tally.finish(50)).toMatchObject([{ longestGapMicros: 40_000 }]);
});

test('a timeline says when what happened, in milliseconds since the epoch', () => {
  const tally = new Tally(2, 'all', 0, { binMillis: 100, gapMillis: 50 });
  tally.restart(1000);
  tally.complete(0, 1000, 1010);
  tally.complete(1, 1000, 1040);
  expect(tally.stalledMillis(1100)).toBe(90);
  tally.fail(1200);
  tally.complete(0, 1190, 1250);
  tally.finish(1260);
  expect(tally.timeline(5000)).toEqual({
    startedAt: 6000,
    binMillis: 100,
    bins: [
      { completed: 2, longestMillis: 40, longestGapMillis: 40 },
      { completed: 0, longestMillis: 0, longestGapMillis: 0 },
      { completed: 1, longestMillis: 60, longestGapMillis: 240 },
    ],
    gaps: [
      { from: 6010, to: 6250 },
      { from: 6040, to: 6260 },
    ],
    failures: [6200],
  });
});
