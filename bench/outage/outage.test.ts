// The campaign, where its faults strike, and what is made of what applications saw.
import { describe, expect, test } from 'vitest';
import { SeededRng } from '../../src/base/rng.ts';
import type { Timeline } from '../workloads/load-client/protocol.ts';
import { FULL_CAMPAIGN, planCampaign, QUICK_CAMPAIGN } from './campaign.ts';
import { pointsOf } from './curves.ts';
import { chooseStrike, isHit } from './strikes.ts';
import { outageTopology } from './systems.ts';
import {
  covered,
  faultFreeGap,
  judge,
  maskedShare,
  outageOf,
  outageReduction,
  recoverySeconds,
} from './verdict.ts';
import { parseWays, WaysInUse } from './ways.ts';

describe('the campaign', () => {
  test('is of sixty faults, or six, and the same for a seed', () => {
    const campaign = planCampaign(FULL_CAMPAIGN, 2, 1);
    expect(campaign).toHaveLength(60);
    expect(planCampaign(QUICK_CAMPAIGN, 2, 1)).toHaveLength(6);
    expect(planCampaign(FULL_CAMPAIGN, 2, 1)).toEqual(campaign);
    expect(planCampaign(FULL_CAMPAIGN, 2, 2)).not.toEqual(campaign);
    for (const fault of campaign) {
      if (fault.kind !== 'loss 30–80 %') continue;
      expect(fault.lossPpm).toBeGreaterThanOrEqual(300_000);
      expect(fault.lossPpm).toBeLessThanOrEqual(800_000);
    }
  });
});

describe('where a fault strikes', () => {
  const topology = outageTopology();
  const pairs = ['kernel', 'healed', 'agent'].map((name) => ({ client: `${name}1`, server: `${name}2` }));
  const ways = (counts: Record<string, number>) => new WaysInUse(new Map(), new Map(Object.entries(counts)));
  const rng = () => new SeededRng(3);

  test('most systems use it', () => {
    const used = ways({
      'up|leaf1|spine1|kernel1': 100,
      'up|leaf1|spine2|kernel1': 100,
      'up|leaf1|spine2|healed1': 100,
      'up|leaf1|spine3|agent1': 100,
    });
    const strike = chooseStrike({ kind: 'router death' }, topology, pairs, used, rng());
    expect(strike).toMatchObject({ where: 'spine2', links: ['leaf1-spine2', 'leaf2-spine2'] });
    expect(pairs.map((pair) => isHit(strike, pair, used))).toEqual([true, true, false]);
  });

  test('a way that only probes take is not in use', () => {
    const used = ways({ 'up|leaf1|spine1|kernel1': 1000, 'up|leaf1|spine2|kernel1': 20 });
    const strike = chooseStrike({ kind: 'blackhole both ways' }, topology, pairs, used, rng());
    expect(strike.where).toBe('leaf1-spine1');
  });

  test('one way is one way, a card is half of the uplinks, a bucket is of all of them', () => {
    const strikes = [
      chooseStrike({ kind: 'blackhole one way', leaf: 1, course: 'down' }, topology, pairs, ways({}), rng()),
      chooseStrike({ kind: 'line card', leaf: 0, course: 'both' }, topology, pairs, ways({}), rng()),
      chooseStrike(
        { kind: 'hash bucket', leaf: 0 },
        topology,
        pairs,
        ways({ 'bucket|leaf1|4|agent1': 9 }),
        rng(),
      ),
    ];
    expect(strikes.map(({ links, change }) => [links.length, change])).toEqual([
      [1, { blackhole: 'b>a' }],
      [2, { blackhole: 'both' }],
      [4, { blackhole: 'a>b', bucket: { which: 5, of: 8 } }],
    ]);
    expect(strikes[0]!.ways).toEqual([
      { course: 'down', leaf: 'leaf2', part: strikes[0]!.where.replace('leaf2-', '') },
    ]);
  });

  test('ways are read from what nft counts', () => {
    const elem = (val: unknown, packets: number) => ({ elem: { val, counter: { packets, bytes: 0 } } });
    const sets = [
      { set: { name: 'up', elem: [elem({ concat: ['spine1', '10.0.1.1'] }, 7)] } },
      { set: { name: 'down', elem: [elem({ concat: ['spine2', '10.9.9.9'] }, 7)] } },
      { set: { name: 'bucket3', elem: [elem('10.0.1.1', 5)] } },
      { set: { name: 'bucket4' } },
    ];
    const json = JSON.stringify({ nftables: [{ metainfo: {} }, ...sets] });
    expect(parseWays(json, 'leaf1', new Map([['10.0.1.1', 'kernel1']]))).toEqual([
      ['up|leaf1|spine1|kernel1', 7],
      ['bucket|leaf1|3|kernel1', 5],
    ]);
  });
});

describe('a verdict', () => {
  const timeline = (gaps: [number, number][], failures: number[] = []): Timeline => ({
    startedAt: 0,
    binMillis: 100,
    bins: [],
    gaps: gaps.map(([from, to]) => ({ from, to })),
    failures,
  });
  const fault = { from: 10_000, to: 16_000 };

  test('counts the time in which some connection waited, once', () => {
    const verdict = judge(
      timeline([
        [9990, 10_500],
        [10_200, 10_800],
        [12_000, 12_090],
        [3000, 4000],
      ]),
      fault,
    );
    expect(verdict).toMatchObject({ outageSeconds: 0.8, steadyShare: 0, longestGapMillis: 600, failed: 0 });
    expect(recoverySeconds(verdict)).toBeCloseTo(0.8);
    expect(outageOf(verdict, 300)).toBeCloseTo(0.8);
    expect(outageReduction([verdict])).toBeCloseTo(1 - 2.4 / 458.8);
  });

  test('who is out to the end is out for as long as a fault lasts', () => {
    const verdict = judge(timeline([[10_000, 19_000]], [13_000, 16_500, 18_000]), fault);
    expect(verdict).toMatchObject({ steadyShare: 1, longestGapMillis: 9000, failed: 2 });
    expect(recoverySeconds(verdict)).toBe(6);
    expect(outageReduction([verdict])).toBeCloseTo(0);
    expect(maskedShare([verdict], 3000)).toBe(0);
  });

  test('who is out now and then in the end is so for that share of a longer fault', () => {
    const verdict = judge(timeline([[14_500, 15_000]]), fault);
    expect(outageOf(verdict, 104)).toBeCloseTo(0.25 * 100);
    expect(recoverySeconds(verdict)).toBeCloseTo(0.5);
    expect(maskedShare([verdict], 500)).toBe(1);
    expect(maskedShare([verdict], 499)).toBe(0);
  });

  test('fault-free are only gaps that lie wholly where nothing was wrong', () => {
    const bins = [0, 21, 24, 23, 22, 600].map((longestGapMillis) => ({
      completed: 1,
      longestMillis: 1,
      longestGapMillis,
    }));
    const seen: Timeline = { ...timeline([]), bins };
    expect(faultFreeGap(seen, [{ from: 0, to: 1000 }])).toBe(24);
    expect(faultFreeGap(seen, [{ from: 300, to: 500 }])).toBe(22);
  });

  test('covered time is counted once', () => {
    const others = [
      { from: 5, to: 10 },
      { from: 0, to: 3 },
      { from: 8, to: 20 },
    ];
    expect(covered(others, { from: 2, to: 15 })).toBe(11);
    expect(covered([], { from: 2, to: 15 })).toBe(0);
  });
});

test('a curve has answers in percent of what they were before the fault', () => {
  const bins = [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 5, 0, 20].map((completed) => ({
    completed,
    longestMillis: completed + 0.5,
    longestGapMillis: 20,
  }));
  const timeline: Timeline = { startedAt: 0, binMillis: 100, bins, gaps: [], failures: [] };
  const points = pointsOf(timeline, 1000, 1200, 'answers');
  expect(points.slice(-3)).toEqual([
    [0, 50],
    [0.1, 0],
    [0.2, 200],
  ]);
  expect(pointsOf(timeline, 1000, 1200, 'latency').at(-1)).toEqual([0.2, 20.5]);
});
