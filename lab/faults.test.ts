import { describe, expect, test } from 'vitest';
import { formatConditions, mergeConditions, parseConditions } from './conditions.ts';
import { type FaultStep, planFaults } from './faults.ts';

const link = { name: 'leaf1-spine2', a: 'leaf1', b: 'spine2' };
const plan = (old: object, wanted: object) => planFaults(link, 1500, old, wanted);
const kinds = (steps: FaultStep[]) =>
  steps.map((step) => ('node' in step ? `${step.kind} ${step.node}` : step.kind));
const text = (steps: FaultStep[]) => JSON.stringify(steps);

describe('the plan for a link', () => {
  test('is empty when nothing changes', () => {
    const conditions = {
      lossPpm: 10_000,
      rateBitsPerSecond: 1e6,
      queuePackets: 5,
      blackhole: 'both',
      realWire: true,
    };
    expect(plan(conditions, conditions)).toEqual([]);
  });

  test('drops a blackholed direction where it arrives and nowhere else', () => {
    expect(kinds(plan({}, { blackhole: 'a>b' }))).toEqual(['nft spine2']);
    expect(kinds(plan({}, { blackhole: 'b>a' }))).toEqual(['nft leaf1']);
    expect(kinds(plan({ blackhole: 'a>b' }, { blackhole: 'b>a' }))).toEqual(['nft leaf1', 'nft spine2']);
    expect(text(plan({}, { blackhole: 'a>b' }))).toContain('iifname != \\"leaf1\\" return');
  });

  test('leaves bundles whole on a link that is only blackholed, and cuts them before the first loss', () => {
    expect(kinds(plan({}, { blackhole: 'both' }))).toEqual(['nft leaf1', 'nft spine2']);
    expect(kinds(plan({}, { lossPpm: 10_000 }))).toEqual([
      'segment leaf1',
      'segment spine2',
      'nft leaf1',
      'nft spine2',
    ]);
    expect(kinds(plan({ lossPpm: 10_000 }, {})).slice(-2)).toEqual(['segment leaf1', 'segment spine2']);
  });

  test('keeps what is already so when a second fault joins', () => {
    expect(kinds(plan({ lossPpm: 10_000 }, { lossPpm: 10_000, rateBitsPerSecond: 1e6 }))).toEqual([
      'tc leaf1',
      'tc spine2',
    ]);
  });

  test('gives rate and queue to the emulator as soon as there is delay, and back', () => {
    const rate = { rateBitsPerSecond: 1e6, queuePackets: 7 };
    const both = { ...rate, delayMicros: 10_000 };
    expect(kinds(plan(rate, both))).toEqual(['tc leaf1', 'tc spine2', 'emulate']);
    expect(plan(rate, both).at(-1)).toEqual({ kind: 'emulate', link, as: both });
    expect(kinds(plan(both, rate))).toEqual(['emulate', 'tc leaf1', 'tc spine2']);
    expect(plan(both, {})[0]).toEqual({ kind: 'emulate', link, as: undefined });
  });

  test('a queue of N packets is N packets of the MTU and an Ethernet header', () => {
    expect(text(plan({}, { rateBitsPerSecond: 48_000_000, queuePackets: 10 }))).toContain('limit 15140');
  });

  test('drops one bucket of the flows, whatever their addresses’ version', () => {
    const steps = plan({}, { blackhole: 'a>b', bucket: { which: 3, of: 8 } });
    expect(kinds(steps)).toEqual(['nft spine2']);
    expect(text(steps)).toContain('nfproto ipv4 jhash ip saddr . ip daddr . @th,0,32 mod 8');
    expect(text(steps)).toContain('nfproto ipv6 jhash ip6 saddr . ip6 daddr . @th,0,32 mod 8');
    expect(text(steps)).toContain('== 2 counter name blackholed drop');
    expect(text(plan({}, { blackhole: 'a>b', bucket: { which: 1, of: 1 } }))).not.toContain('jhash');
  });

  test('jitter is the emulator’s', () => {
    const steps = plan({}, { jitterMicros: 5000 });
    expect(steps.at(-1)).toMatchObject({ kind: 'emulate', as: { delayMicros: 0, jitterMicros: 5000 } });
  });

  test('restores the routes after a cut, not before', () => {
    expect(kinds(plan({}, { carrier: 'down' }))).toEqual(['ip leaf1', 'ip spine2']);
    expect(kinds(plan({ carrier: 'down' }, {}))).toEqual([
      'ip leaf1',
      'ip spine2',
      'routes leaf1',
      'routes spine2',
    ]);
  });
});

describe('conditions', () => {
  const parse = (texts: object) => parseConditions(texts, link);

  test('are read as people write them', () => {
    expect(
      parse({ loss: '0.05%', rate: '1.5gbit', delay: '200us', queue: '20', blackhole: 'spine2>leaf1' }),
    ).toEqual({
      lossPpm: 500,
      rateBitsPerSecond: 1_500_000_000,
      delayMicros: 200,
      queuePackets: 20,
      blackhole: 'b>a',
    });
  });

  test.each([
    [{ loss: '1' }, '“1” is not a share.'],
    [{ loss: '101%' }, '“101%” is not a share.'],
    [{ loss: '-1%' }, '“-1%” is not a share.'],
    [{ rate: '48' }, '“48” is not a rate.'],
    [{ rate: '0mbit' }, '“0mbit” is not a rate.'],
    [{ delay: '10' }, '“10” is not a delay.'],
    [{ delay: '2m' }, '“2m” is not a delay.'],
    [{ queue: '0' }, '“0” is not a number of packets.'],
    [{ blackhole: 'leaf1>leaf2' }, '“leaf1>leaf2” is not a direction of leaf1-spine2.'],
    [{ bucket: '9/8' }, '“9/8” is not a bucket.'],
    [{ bucket: '0/8' }, '“0/8” is not a bucket.'],
    [{ carrier: 'cut' }, '“cut” is not a state of a carrier.'],
  ])('that make no sense are refused: %j', (texts, message) => {
    expect(() => parse(texts)).toThrow(message);
  });

  test('merge aspect by aspect; none and zero heal one', () => {
    const old = { lossPpm: 10_000, rateBitsPerSecond: 1000, queuePackets: 3 };
    expect(mergeConditions(old, parse({ blackhole: 'both' }))).toEqual({ ...old, blackhole: 'both' });
    expect(mergeConditions(old, parse({ loss: '0%' }))).toEqual({ rateBitsPerSecond: 1000, queuePackets: 3 });
    expect(mergeConditions(old, parse({ rate: 'none' }))).toEqual({ lossPpm: 10_000 });
    expect(mergeConditions({ carrier: 'down' }, parse({ carrier: 'up' }))).toEqual({});
  });

  test('a queue needs a rate', () => {
    expect(() => mergeConditions({}, parse({ queue: '10' }))).toThrow('A queue without a rate');
  });

  test('a bucket needs a blackhole, and goes with it', () => {
    expect(() => mergeConditions({}, parse({ bucket: '3/8' }))).toThrow('A bucket without a blackhole');
    const old = mergeConditions({}, parse({ blackhole: 'both', bucket: '3/8' }));
    expect(mergeConditions(old, parse({ blackhole: 'none' }))).toEqual({});
  });

  test('are printed in the words they were given in', () => {
    const texts = {
      blackhole: 'leaf1>spine2',
      bucket: '3/8',
      loss: '0.5%',
      rate: '48mbit',
      delay: '10ms',
      jitter: '5ms',
      queue: '20',
    };
    expect(formatConditions(mergeConditions({}, parse(texts)), link)).toBe(
      'blackhole leaf1>spine2, bucket 3/8, loss 0.5%, rate 48mbit, delay 10ms, jitter 5ms, queue 20',
    );
  });
});
