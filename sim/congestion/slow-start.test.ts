// The three forms of slow start and how they differ (CCP §4.4.4, figure 4.3: 48 Mbit/s, 100 ms), and that reports once a
// round trip cost nothing else (§4.6.1).
import { expect, test } from 'vitest';
import { cubic } from '../../src/congestion/algorithms/cubic.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import type { SlowStartForm } from '../../src/congestion/algorithms/slow-start.ts';
import { dumbbell } from './bottleneck.testing.ts';

const rttMicros = 100_000;
const bitsPerSecond = 48e6;
const queueBytes = (bitsPerSecond * rttMicros) / 8e6;
const forms: readonly SlowStartForm[] = ['datapath', 'rate', 'algorithm'];

/** Milliseconds until so many bytes had been delivered. */
function millisecondsTo(form: SlowStartForm, bytes: number, reportDelayMicros: number): number {
  const network = dumbbell({ bitsPerSecond, queueBytes, reportDelayMicros }, [
    { algorithm: reno(form), rttMicros },
  ]);
  network.runUntil(0);
  network.clock.runWhileNot(() => network.flows[0]!.deliveredBytes >= bytes, 10e6);
  return network.clock.nowMicros / 1000;
}

test('the form in the datapath is ahead of the one in the algorithm, the more the later reports are', () => {
  const [datapath, rate, algorithm] = forms.map((form) => millisecondsTo(form, 500_000, 30));
  expect(datapath).toBeLessThan(algorithm! + 1);
  expect(rate).toBeLessThan(2 * datapath!);
  const late = forms.map((form) => millisecondsTo(form, 500_000, 50_000));
  expect(late[0]).toBe(datapath);
  expect(late[2]).toBeGreaterThan(algorithm! + 50);
});

test.each(forms)('slow start in the %s ends with a loss, and congestion avoidance fills the link', (form) => {
  const network = dumbbell({ bitsPerSecond, queueBytes }, [{ algorithm: reno(form), rttMicros }]);
  network.runUntil(10e6);
  expect(network.bottleneck.counters.overflowed).toBeGreaterThan(0);
  expect(network.flows[0]!.datapath.rateBytesPerSecond).toBe(Number.POSITIVE_INFINITY);
  expect(network.measureUntil(20e6).utilisation).toBeGreaterThan(0.9);
  expect(network.agentFailures).toEqual([]);
});

test('HyStart leaves slow start when round trips grow, before there is a loss', () => {
  const lossesWith = (form: SlowStartForm) => {
    const setup = { bitsPerSecond, queueBytes: 4 * queueBytes };
    const network = dumbbell(setup, [{ algorithm: cubic(form), rttMicros }]);
    network.runUntil(1.2e6);
    const { overflowed } = network.bottleneck.counters;
    expect(network.measureUntil(4e6).utilisation).toBeGreaterThan(0.95);
    return overflowed;
  };
  expect(lossesWith('hystart')).toBe(0);
  expect(lossesWith('datapath')).toBeGreaterThan(0);
});

test('Reno by reports keeps up with Reno in the datapath', () => {
  const setup = { rttMicros: 20_000 };
  const [native, reported] = [{ ...setup }, { ...setup, algorithm: reno() }].map((flow) => {
    const network = dumbbell({}, [flow]);
    network.runUntil(5e6);
    return network.measureUntil(25e6);
  });
  expect(reported!.utilisation / native!.utilisation).toBeCloseTo(1, 1);
  expect(reported!.queueingMicros / native!.queueingMicros).toBeGreaterThan(0.7);
  expect(reported!.queueingMicros / native!.queueingMicros).toBeLessThan(1.3);
});
