// Each algorithm on a bottleneck of 20 Mbit/s and 20 ms, which 33 packets fill: does it use the link, how much queue does
// it make, and do two flows share? The bounds are generous and the runs are seeded, so they hold or fail for good.
import { describe, expect, test } from 'vitest';
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { bbr } from '../../src/congestion/algorithms/bbr.ts';
import { copa } from '../../src/congestion/algorithms/copa.ts';
import { cubic } from '../../src/congestion/algorithms/cubic.ts';
import { dctcp } from '../../src/congestion/algorithms/dctcp.ts';
import { fairShare } from '../../src/congestion/algorithms/fair-share.ts';
import { reno } from '../../src/congestion/algorithms/reno.ts';
import { swift } from '../../src/congestion/algorithms/swift.ts';
import { vegas } from '../../src/congestion/algorithms/vegas.ts';
import { BDP_BYTES, dumbbell, RTT_MICROS, wideAreaSwift } from './bottleneck.testing.ts';
import { fairness } from './dumbbell.ts';
import { MSS_BYTES } from './flow.ts';

const seconds = 1e6;

interface Expectation {
  readonly name: string;
  readonly algorithm: Algorithm | undefined;
  readonly utilisation: number;
  /** Milliseconds that packets wait, at most, with one flow and with two. */
  readonly queueing: readonly [number, number];
  readonly fairness: number;
  readonly markBytes?: number;
}

const expectations: readonly Expectation[] = [
  { name: 'fallback', algorithm: undefined, utilisation: 0.95, queueing: [20, 20], fairness: 0.95 },
  { name: 'reno', algorithm: reno(), utilisation: 0.95, queueing: [20, 20], fairness: 0.95 },
  { name: 'cubic', algorithm: cubic(), utilisation: 0.95, queueing: [20, 20], fairness: 0.95 },
  { name: 'vegas', algorithm: vegas, utilisation: 0.97, queueing: [4 * 0.6, 9 * 0.6], fairness: 0.95 },
  { name: 'bbr', algorithm: bbr, utilisation: 0.94, queueing: [3, 25], fairness: 0.75 },
  { name: 'copa', algorithm: copa, utilisation: 0.97, queueing: [6, 7], fairness: 0.95 },
  { name: 'dctcp', algorithm: dctcp, utilisation: 0.97, queueing: [7, 7], fairness: 0.95, markBytes: 15_000 },
  {
    name: 'swift',
    algorithm: swift({ targets: wideAreaSwift }),
    utilisation: 0.97,
    queueing: [7, 7],
    fairness: 0.95,
  },
  { name: 'fair share', algorithm: fairShare, utilisation: 0.95, queueing: [20, 20], fairness: 0.99 },
];

describe.each(expectations)('$name', ({ name, algorithm, markBytes, ...expected }) => {
  const setup = { ...(algorithm && { algorithm }), rttMicros: RTT_MICROS };
  const queueBytes = name === 'bbr' ? 2 * BDP_BYTES : BDP_BYTES;
  const conditions = { queueBytes, ...(markBytes && { markBytes }) };

  test('uses the link alone, with a queue no longer than it says', () => {
    const network = dumbbell(conditions, [setup]);
    network.runUntil(5 * seconds);
    const { utilisation, queueingMicros } = network.measureUntil(15 * seconds);
    expect(utilisation).toBeGreaterThan(expected.utilisation);
    expect(queueingMicros / 1000).toBeLessThan(expected.queueing[0]);
    expect(network.flows[0]!.events.filter(({ kind }) => kind === 'fallback')).toEqual([]);
  });

  test('shares it with another of its kind that comes later', () => {
    const network = dumbbell(conditions, [setup, { ...setup, startMicros: 2 * seconds }]);
    network.runUntil(10 * seconds);
    const { utilisation, queueingMicros, rates } = network.measureUntil(25 * seconds);
    expect(utilisation).toBeGreaterThan(expected.utilisation);
    expect(queueingMicros / 1000).toBeLessThan(expected.queueing[1]);
    expect(fairness(rates)).toBeGreaterThan(expected.fairness);
    expect(network.agentFailures).toEqual([]);
  });

  test('is back after nothing arrived, at the beginning and for half a second later', () => {
    const network = dumbbell({ ...conditions, lossRate: 1 }, [setup]);
    const { bottleneck } = network;
    const usual = { ...bottleneck.conditions, lossRate: 0 };
    for (const blackholeMicros of [1.5 * seconds, 10 * seconds]) {
      network.runUntil(blackholeMicros);
      bottleneck.conditions = usual;
      network.runUntil(blackholeMicros + 5 * seconds);
      expect(network.measureUntil(blackholeMicros + 7 * seconds).utilisation).toBeGreaterThan(0.9);
      network.runUntil(9.5 * seconds);
      bottleneck.conditions = { ...usual, lossRate: 1 };
    }
    expect(network.flows[0]!.events.filter(({ kind }) => kind === 'fallback')).toEqual([]);
    expect(network.agentFailures).toEqual([]);
  });
});

describe('what is particular', () => {
  test('Reno halves its window at a loss, and adds a packet a round trip', () => {
    const network = dumbbell({}, [{ algorithm: reno(), rttMicros: RTT_MICROS }]);
    network.runUntil(5 * seconds);
    const windows = network.sampleUntil(
      20 * seconds,
      5000,
      () => network.flows[0]!.datapath.cwndBytes / MSS_BYTES,
    );
    const drops = windows.flatMap((window, i) =>
      i > 0 && window < windows[i - 1]! * 0.9 ? [window / windows[i - 1]!] : [],
    );
    expect(drops.length).toBeGreaterThan(3);
    for (const drop of drops) expect(drop).toBeCloseTo(0.5, 1);
    // From half the largest window to the largest: at most two packets a round trip of 20 to 40 ms.
    const rises = windows.map((window, i) => window - (windows[i - 4] ?? window)).filter((rise) => rise > 0);
    expect(Math.max(...rises)).toBeLessThanOrEqual(2.5);
  });

  test('BBR drains its queue to measure the round trip every ten seconds, and only then', () => {
    const network = dumbbell({}, [{ algorithm: bbr, rttMicros: RTT_MICROS }]);
    const windows = network.sampleUntil(
      35 * seconds,
      50_000,
      () => network.flows[0]!.datapath.cwndBytes / MSS_BYTES,
    );
    const starts = windows.flatMap((window, i) => (window === 4 && windows[i - 1] !== 4 ? [i / 20] : []));
    expect(starts.length).toBeGreaterThanOrEqual(2);
    for (const [i, start] of starts.entries())
      expect(start - (starts[i - 1] ?? start - 10)).toBeCloseTo(10, -0.5);
    expect(windows.filter((window) => window === 4).length / windows.length).toBeLessThan(0.05);
  });

  test('Vegas keeps two to four packets in the queue', () => {
    const network = dumbbell({}, [{ algorithm: vegas, rttMicros: RTT_MICROS }]);
    network.runUntil(5 * seconds);
    const { queueingMicros } = network.measureUntil(10 * seconds);
    const packets = (queueingMicros * 20) / 8 / MSS_BYTES;
    expect(packets).toBeGreaterThan(1.5);
    expect(packets).toBeLessThan(4.5);
  });

  test('DCTCP holds the queue at the mark and loses nothing', () => {
    const network = dumbbell({ markBytes: 15_000, queueBytes: 4 * BDP_BYTES }, [
      { algorithm: dctcp, rttMicros: RTT_MICROS },
    ]);
    network.runUntil(5 * seconds);
    const { queueingMicros } = network.measureUntil(10 * seconds);
    expect((queueingMicros * 20) / 8).toBeGreaterThan(7500);
    expect((queueingMicros * 20) / 8).toBeLessThan(18_000);
    expect(network.bottleneck.counters.overflowed).toBe(0);
  });

  test('Copa does not mind a loss of one in a hundred, which stops Reno', () => {
    const [withCopa, withReno] = [copa, reno()].map((algorithm) => {
      const network = dumbbell({ lossRate: 0.01 }, [{ algorithm, rttMicros: RTT_MICROS }]);
      network.runUntil(3 * seconds);
      return network.measureUntil(13 * seconds).utilisation;
    });
    expect(withCopa).toBeGreaterThan(0.8);
    expect(withReno).toBeLessThan(0.6);
  });

  test('Copa competes with Cubic for its share, and gives the queue back when Cubic has gone', () => {
    const bulk = { algorithm: cubic(), rttMicros: RTT_MICROS, startMicros: 5 * seconds, segments: 20_000 };
    const network = dumbbell({ queueBytes: 2 * BDP_BYTES }, [
      { algorithm: copa, rttMicros: RTT_MICROS },
      bulk,
    ]);
    network.runUntil(8 * seconds);
    const against = network.measureUntil(18 * seconds);
    const share = against.rates[0]! / (against.rates[0]! + against.rates[1]!);
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.7);
    network.runUntil(60 * seconds);
    expect(network.flows[1]!.sender.finishedAtMicros).toBeLessThan(50 * seconds);
    expect(network.measureUntil(65 * seconds).queueingMicros).toBeLessThan(7000);
  });

  test.each([
    [1, 20e6, 20_000],
    [2, 2e6, 40_000],
    [3, 6e6, 40_000],
    [5, 48e6, 20_000],
  ])('%d Copas, at %d bits a second, do not compete with each other', (count, bitsPerSecond, rttMicros) => {
    const setups = Array.from({ length: count }, (_, i) => ({
      algorithm: copa,
      rttMicros,
      startMicros: i * seconds,
    }));
    const network = dumbbell({ bitsPerSecond, queueBytes: (bitsPerSecond * rttMicros) / 2e6 }, setups);
    network.runUntil(15 * seconds);
    const { queueingMicros, rates, utilisation } = network.measureUntil(25 * seconds);
    const queuedPackets = (queueingMicros * bitsPerSecond) / 8e6 / MSS_BYTES;
    expect(queuedPackets / count).toBeLessThan(3);
    expect(fairness(rates)).toBeGreaterThan(0.98);
    expect(utilisation).toBeGreaterThan(0.98);
  });

  test('Swift keeps to its target, less than which the fabric must not wait, and yields to a slow endpoint', () => {
    const slow = {
      endpointMicros: 4000,
      rttMicros: RTT_MICROS + 4000,
      algorithm: swift({ targets: wideAreaSwift }),
    };
    const network = dumbbell({}, [slow]);
    network.runUntil(5 * seconds);
    const { utilisation, queueingMicros } = network.measureUntil(10 * seconds);
    expect(queueingMicros).toBeLessThan(100);
    expect(utilisation).toBeLessThan(0.1);
  });

  test('a flow that joins a fair-share aggregate has half of its window at once, one under Reno has not (figure 4.10)', () => {
    const [together, alone] = [fairShare, reno()].map((algorithm) => {
      const network = dumbbell({}, [
        { algorithm, rttMicros: RTT_MICROS },
        { algorithm, rttMicros: RTT_MICROS, startMicros: 10 * seconds },
      ]);
      network.runUntil(10 * seconds - 1);
      const before = network.flows[0]!.datapath.cwndBytes;
      network.runUntil(10 * seconds + 100);
      const windows = network.flows.map(({ datapath }) => datapath.cwndBytes);
      return { windows, before, rates: network.measureUntil(11 * seconds).rates };
    });
    expect(together!.windows).toEqual([together!.before / 2, together!.before / 2].map(Math.floor));
    expect(alone!.windows[0]).toBe(alone!.before);
    expect(fairness(together!.rates)).toBeGreaterThan(0.97);
    expect(fairness(alone!.rates)).toBeLessThan(fairness(together!.rates));
  });
});
