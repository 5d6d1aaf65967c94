import { expect, test } from 'vitest';
import { copa } from '../../src/congestion/algorithms/copa.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { dumbbell } from './bottleneck.testing.ts';
import { MSS_BYTES } from './flow.ts';

itForSeeds(
  'every segment arrives, over a link that loses one in ten, and none is counted twice',
  20,
  (seed) => {
    const setups = [reno(), copa, undefined].map((algorithm) => ({
      rttMicros: 10_000,
      segments: 300,
      ...(algorithm && { algorithm }),
    }));
    const network = dumbbell({ seed, lossRate: 0.1 }, setups);
    const done = () =>
      network.flows.length === 3 && network.flows.every(({ sender }) => sender.finishedAtMicros < 1e12);
    expect(network.clock.runWhileNot(done, 600e6)).toBe(true);
    network.runUntil(network.clock.nowMicros + 1e6);
    const { passed, lost, overflowed } = network.bottleneck.counters;
    let sent = 0;
    for (const { sender } of network.flows) {
      expect(sender.scoreboard).toMatchObject({
        una: 300,
        inFlightBytes: 0,
        deliveredBytes: 300 * MSS_BYTES,
      });
      expect(sender.counters.sent).toBe(300 + sender.counters.retransmitted);
      sent += sender.counters.sent;
    }
    expect(passed + lost + overflowed).toBe(sent);
  },
);

test('a run is the same every time', () => {
  const run = () => {
    const network = dumbbell({ lossRate: 0.02, seed: 7 }, [
      { algorithm: reno(), rttMicros: 20_000 },
      { algorithm: copa, rttMicros: 30_000, startMicros: 1000 },
    ]);
    return [network.measureUntil(5e6), ...network.flows.map(({ sender }) => ({ ...sender.counters }))];
  };
  expect(run()).toEqual(run());
});

test('pacing spreads packets, a window sends them at once', () => {
  const network = dumbbell({ bitsPerSecond: 1e9 }, [{ rttMicros: 20_000 }]);
  network.runUntil(1);
  expect(network.flows[0]!.sender.counters.sent).toBe(10);
});
