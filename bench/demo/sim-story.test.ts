// The simulated story in small: all scenes, by both, with what they are about to be seen in the rows.
import { expect, test } from 'vitest';
import { renderTold } from './render.ts';
import { simRows } from './sim-story.ts';

const TINY = { healthyMicros: 4000, lossMicros: 4000, silentMicros: 4000 };
const SMALL = { healthyMicros: 15_000, lossMicros: 250_000, silentMicros: 50_000 };

test('is told in rows like the lab’s, the same for a seed', async () => {
  const lines: string[] = [];
  const rows = await simRows(TINY, 1, (line) => lines.push(line));
  expect(rows.map(({ situation, peer }) => `${situation} ${peer}`)).toEqual([
    'healthy kernelVxlan',
    'healthy selvage',
    'loss kernelVxlan',
    'loss selvage',
    'silent-spine kernelVxlan',
    'silent-spine selvage',
  ]);
  expect(lines).toHaveLength(rows.length);
  expect(await simRows(TINY, 1, () => {})).toEqual(rows);
});

test('shows loss and a dead path hurting plain VXLAN and not Selvage', async () => {
  const rows = await simRows(SMALL, 1, () => {});
  const [, , plainLoss, selvageLoss, plainSilent, selvageSilent] = rows;
  expect(plainLoss!.load!.p99Millis / selvageLoss!.load!.p99Millis).toBeGreaterThan(100);
  expect(selvageLoss!.load!.requestsPerSecond / plainLoss!.load!.requestsPerSecond).toBeGreaterThan(5);
  expect(plainSilent!.longestGapMillis).toBeGreaterThan(40);
  expect(selvageSilent!.longestGapMillis).toBeLessThan(10);
  expect(selvageSilent!.spine).toMatch(/^spine/);
  expect(rows.every(({ peer, failed }) => peer === 'kernelVxlan' || failed === 0)).toBe(true);
  const text = renderTold({
    stage: 'simulated, seed 1',
    quick: true,
    watchers: 'the 16 clients',
    rows,
    notes: ['A note.'],
  });
  expect(text).toContain('simulated, seed 1');
});
