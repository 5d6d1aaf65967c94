// How often is probed and answered (ZooRoute §4.2): algorithm 1 against the paper's lines, the processor's rule, the bucket.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuRule } from './cpu-rule.ts';
import { LEAST_WINDOW, nextWindow, probeGapMicros } from './send-window.ts';
import { ANSWER, ANSWER_WITH_BACKPRESSURE, REFUSE, ResponseBucket } from './token-bucket.ts';

const SECOND = 1_000_000;

describe('algorithm 1', () => {
  /** Line by line, for one round: W grows by every response with CTL = def, or shrinks by N_bp and N_l. */
  function plain(window: number, most: number, answered: number, complaints: number, lost: number): number {
    let w = window;
    if (complaints === 0) for (let i = 0; i < answered; i++) w += 1;
    else w = w - complaints - lost;
    if (w > most) w = most;
    while (2 ** (1 - w) > 64) w++;
    return w;
  }

  it('is the paper’s, capped at the ports probed and at 64 s', () => {
    const count = fc.nat(100);
    fc.assert(
      fc.property(
        fc.integer({ min: LEAST_WINDOW, max: 64 }),
        fc.constantFrom(32, 64),
        count,
        count,
        count,
        (window, most, answered, complaints, lost) => {
          const next = nextWindow(Math.min(window, most), most, answered, complaints, lost);
          expect(next).toBe(plain(Math.min(window, most), most, answered, complaints, lost));
        },
      ),
    );
  });

  it.each([
    [32, SECOND / 32],
    [1, SECOND],
    [0, 2 * SECOND],
    [-3, 16 * SECOND],
    [LEAST_WINDOW, 64 * SECOND],
  ])('a window of %i is a probe every %i µs', (window, gap) => {
    expect(probeGapMicros(window)).toBe(gap);
  });

  it('recovers from the longest back-off once the destination is content', () => {
    let window = LEAST_WINDOW;
    let rounds = 0;
    for (; window < 32; rounds++) window = nextWindow(window, 32, window > 0 ? window : 1, 0, 0);
    expect(rounds).toBeLessThan(15);
  });
});

describe('the processor’s rule', () => {
  function ruleAfter(samples: readonly number[], probesPerSecond: number): CpuRule {
    const rule = new CpuRule();
    for (const sample of samples) rule.onSample(sample, probesPerSecond);
    return rule;
  }

  it('needs more than seven of ten samples above 80 % and 30,000 probes a second', () => {
    const calm = [0.5, 0.5, 0.5];
    expect(ruleAfter([...calm, ...new Array(7).fill(0.9)], 40_000).isBackedOff).toBe(false);
    expect(ruleAfter([...calm.slice(1), ...new Array(8).fill(0.9)], 40_000).isBackedOff).toBe(true);
    expect(ruleAfter([...calm.slice(1), ...new Array(8).fill(0.9)], 29_999).isBackedOff).toBe(false);
    expect(ruleAfter(new Array(8).fill(0.8), 40_000).isBackedOff).toBe(false);
  });

  it('slows near peers down first, far ones when those can no more', () => {
    const rule = ruleAfter(new Array(8).fill(0.9), 40_000);
    expect([rule.factor(false), rule.factor(true)]).toEqual([2, 1]);
    for (let i = 0; i < 5; i++) rule.onSample(0.9, 40_000);
    expect([rule.factor(false), rule.factor(true)]).toEqual([64, 1]);
    rule.onSample(0.9, 40_000);
    expect([rule.factor(false), rule.factor(true)]).toEqual([64, 2]);
    for (let i = 0; i < 20; i++) rule.onSample(0.9, 40_000);
    expect([rule.factor(false), rule.factor(true)]).toEqual([64, 64]);
  });

  it('is lifted when all of ten samples are below 70 %, and not before', () => {
    const rule = ruleAfter(new Array(10).fill(0.9), 40_000);
    for (let i = 0; i < 9; i++) rule.onSample(0.6, 0);
    expect(rule.isBackedOff).toBe(true);
    rule.onSample(0.6, 0);
    expect(rule.isBackedOff).toBe(false);
  });
});

describe('the bucket', () => {
  it('answers up to its limit, complains beyond it, and ends with a flood', () => {
    const bucket = new ResponseBucket(0, 1000, 10);
    const seen = { [ANSWER]: 0, [ANSWER_WITH_BACKPRESSURE]: 0, [REFUSE]: 0 };
    for (let i = 0; i < 10_000; i++) seen[bucket.take(i * 100)]++;
    expect(seen[ANSWER]).toBeGreaterThan(200);
    expect(seen[ANSWER] + seen[ANSWER_WITH_BACKPRESSURE]).toBeLessThan(1600);
    expect(seen[REFUSE]).toBeGreaterThan(8000);
  });

  it('follows the processor between its bounds', () => {
    const bucket = new ResponseBucket(0, 1000, 10);
    for (let i = 0; i < 50; i++) bucket.onCpu(0.95);
    expect(bucket.limitPerSecond).toBe(10);
    bucket.onCpu(0.75);
    expect(bucket.limitPerSecond).toBe(10);
    for (let i = 0; i < 50; i++) bucket.onCpu(0.2);
    expect(bucket.limitPerSecond).toBe(1000);
  });
});
