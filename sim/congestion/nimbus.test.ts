// Nimbus tells elastic cross traffic from inelastic by its spectrum and behaves accordingly (CCP §4.7.1), at 20 Mbit/s and
// 50 ms with a queue of twice what fills the link.
import { expect, test } from 'vitest';
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { nimbus } from '../../src/congestion/algorithms/nimbus.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import { compile } from '../../src/congestion/language/compiler.ts';
import { dumbbell } from './bottleneck.testing.ts';

const seconds = 1e6;
const rttMicros = 50_000;
const queueBytes = 2 * 125_000;
const idle = compile('(when false)');

/** Sends at one rate whatever happens. */
const constantRate = (bitsPerSecond: number): Algorithm => ({
  name: 'constant rate',
  onCreate: (control) => {
    control.install(idle, { Rate: bitsPerSecond / 8, Cwnd: 1 << 24 });
    return { onReport() {} };
  },
});

function against(other: Algorithm) {
  const network = dumbbell({ queueBytes }, [
    { algorithm: nimbus, rttMicros },
    { algorithm: other, rttMicros, startMicros: seconds },
  ]);
  network.runUntil(20 * seconds);
  return network.measureUntil(40 * seconds);
}

test('controls delay beside traffic that does not yield, and takes what is left', () => {
  const { queueingMicros, rates, utilisation } = against(constantRate(8e6));
  expect(queueingMicros).toBeLessThan(20_000);
  expect(utilisation).toBeGreaterThan(0.97);
  expect(rates[0]).toBeGreaterThan(11e6);
});

test('competes with traffic that fills the queue', () => {
  const { queueingMicros, rates } = against(reno());
  expect(queueingMicros).toBeGreaterThan(50_000);
  expect(rates[0]! / (rates[0]! + rates[1]!)).toBeGreaterThan(0.25);
});
