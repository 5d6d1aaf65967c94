import { expect, test } from 'vitest';
import { SeededRng } from '../../src/base/rng.ts';
import { Clock } from '../clock.ts';
import { type InelasticTraffic, sendInelastic } from './inelastic.ts';

/** When packets of 1500 bytes are sent, of 12 Mbit/s: one a millisecond. */
function times(gaps: InelasticTraffic['gaps']): number[] {
  const clock = new Clock(0);
  const sent: number[] = [];
  const traffic = { bitsPerSecond: 12e6, gaps, startMicros: 1e6, stopMicros: 11e6 };
  sendInelastic(clock, new SeededRng(1), 1500, traffic, () => sent.push(clock.nowMicros));
  clock.runUntil(20e6);
  return sent;
}

test('even packets leave at their rate from start to stop', () => {
  const sent = times('even');
  expect(sent.length).toBe(10_000);
  expect(sent[0]).toBe(1e6);
  expect(sent[1]).toBe(1e6 + 1000);
});

test('a Poisson process has the same mean, and gaps as varied as they are long', () => {
  const sent = times('poisson');
  const gaps = sent.slice(1).map((at, i) => at - sent[i]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  expect(mean).toBeGreaterThan(970);
  expect(mean).toBeLessThan(1030);
  expect(deviation / mean).toBeCloseTo(1, 1);
});
