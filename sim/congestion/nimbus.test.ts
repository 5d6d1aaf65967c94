// Nimbus tells elastic cross traffic from inelastic by its spectrum and behaves accordingly (CCP §4.7.1), at a round trip
// of 50 ms with a queue of twice what fills the link.
import { expect, test } from 'vitest';
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { cubic } from '../../src/congestion/algorithms/cubic.ts';
import { type Verdict, watchedNimbus } from '../../src/congestion/algorithms/nimbus.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import { dumbbell } from './bottleneck.testing.ts';
import type { InelasticTraffic } from './inelastic.ts';

const seconds = 1e6;
const rttMicros = 50_000;

/** Nimbus has the link to itself for as long as it takes to learn its rate. */
function beside(bitsPerSecond: number, others: readonly Algorithm[], inelastic: readonly InelasticTraffic[]) {
  const bdpBytes = (bitsPerSecond * rttMicros) / 8e6;
  const verdicts: Verdict[] = [];
  const network = dumbbell(
    { bitsPerSecond, queueBytes: 2 * bdpBytes },
    [
      { algorithm: watchedNimbus((verdict) => verdicts.push(verdict)), rttMicros },
      ...others.map((algorithm) => ({ algorithm, rttMicros, startMicros: 10 * seconds })),
    ],
    inelastic,
  );
  network.runUntil(20 * seconds);
  verdicts.length = 0;
  const measured = network.measureUntil(50 * seconds);
  const elasticShare = verdicts.filter(({ isElastic }) => isElastic).length / verdicts.length;
  return { ...measured, elasticShare, share: measured.rates[0]! / bitsPerSecond };
}

test.each(['even', 'poisson'] as const)('controls delay beside %s traffic that does not yield', (gaps) => {
  const traffic = { bitsPerSecond: 8e6, gaps, startMicros: 10 * seconds };
  const { queueingMicros, share, utilisation, elasticShare } = beside(20e6, [], [traffic]);
  expect(elasticShare).toBe(0);
  expect(queueingMicros).toBeLessThan(20_000);
  expect(utilisation).toBeGreaterThan(0.97);
  expect(share).toBeGreaterThan(0.55);
});

test.each([
  [10e6, 'Reno', reno()],
  [10e6, 'Cubic', cubic()],
  [48e6, 'Cubic', cubic()],
])('at %d bits a second competes with %s for its share', (bitsPerSecond, _name, other) => {
  const { queueingMicros, share, elasticShare } = beside(bitsPerSecond, [other], []);
  expect(elasticShare).toBeGreaterThan(0.95);
  expect(queueingMicros).toBeGreaterThan(50_000);
  expect(share).toBeGreaterThan(0.28);
  expect(share).toBeLessThan(0.7);
});

test('is not pushed aside by three flows of Cubic', () => {
  const { share, elasticShare } = beside(20e6, [cubic(), cubic(), cubic()], []);
  expect(elasticShare).toBeGreaterThan(0.95);
  expect(share).toBeGreaterThan(0.15);
});
