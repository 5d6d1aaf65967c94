// How connections begin, and what happens where they cannot, as stories on the wire (BIFROST §5.2, §5.3).

import { describe, expect, it } from 'vitest';
import { PERFECT } from '../../sim/channel.ts';
import { checkIdle } from '../../sim/invariants.ts';
import { settle } from '../../test/support/random-network.ts';
import { story } from '../../test/support/story.ts';

describe('a connection', () => {
  it('is opened by the first frame, in one round trip', () => {
    const { traffic, log, run, hosts, arrived } = story();
    traffic.send(0, 0, [100, 200]);
    run(135);
    expect(log.take()).toEqual(['> request', '< response', '> data 1', '> data 2']);
    run(1000);
    expect(arrived()).toEqual([2, 0]);
    hosts.forEach(checkIdle);
  });

  it('is one connection when both ends ask at once', () => {
    const { traffic, log, run, arrived, counters } = story();
    traffic.send(0, 0, [100]);
    traffic.send(1, 0, [100]);
    run(80);
    expect(log.take().sort()).toEqual(
      ['> request', '< request', '> response', '< response', '> data 1', '< data 1'].sort(),
    );
    run(1000);
    expect(arrived()).toEqual([1, 1]);
    for (const host of [0, 1] as const) {
      expect(counters(host)).toMatchObject({ connectionsOpened: 1, connectionsReset: 0 });
    }
  });

  it.each([
    ['request', /^> request/],
    ['response', /^< response/],
  ])('is opened by the second request when the first %s is lost', (_what, lose) => {
    const { traffic, run, arrived } = story({ lose, times: 1 });
    traffic.send(0, 0, [100]);
    // Nothing is known of the peer: its round trip may take 2 ms.
    run(4000);
    expect(arrived()).toEqual([0, 0]);
    run(500);
    expect(arrived()).toEqual([1, 0]);
  });

  it('is asked for again within a millisecond where the round trips to the peer are known', () => {
    const { traffic, run, arrived, mend, log } = story({ hosts: { pairs: 2 }, lose: /^> request/ });
    traffic.send(1, 0, [100]);
    run(10_000);
    traffic.send(0, 0, [100]);
    run(10_000);
    log.take();
    traffic.send(0, 1, [100]);
    run(500);
    expect(log.take()).toEqual(['> request lost']);
    mend();
    run(700);
    expect(arrived()).toEqual([2, 1]);
  });

  it('is asked for three times in the time that a host may sleep, no more', () => {
    const { traffic, run, log, hosts, clock } = story();
    hosts[1].deschedule(clock.nowMicros + 130_000);
    traffic.send(0, 0, [100]);
    run(140_000);
    expect(log.take()).toEqual([
      '> request',
      '> request',
      '> request',
      '< response',
      '> data 1',
      expect.stringMatching(/^< ack/),
    ]);
  });

  it('takes what came too early once it comes again', () => {
    // The end that was asked sends at once; its response is lost, so the other end is not open yet.
    const { traffic, run, arrived, counters } = story({ lose: /^< response/, times: 1 });
    traffic.send(0, 0, [100]);
    run(90);
    traffic.send(1, 0, [100, 100]);
    run(40_000);
    expect(arrived()).toEqual([1, 2]);
    expect(counters(0).notEstablished).toBeGreaterThan(0);
    expect(counters(0).connectionsOpened).toBe(1);
  });

  it('is not opened anew by a request or response that comes twice', () => {
    const { traffic, network, run, arrived, counters } = story();
    network.impose({ ...PERFECT, duplicationRate: 1 });
    traffic.send(0, 0, [100, 100, 100]);
    run(10_000);
    expect(arrived()).toEqual([3, 0]);
    for (const host of [0, 1] as const) {
      expect(counters(host)).toMatchObject({ connectionsOpened: 1, connectionsReset: 0 });
    }
  });

  it('is asked for on another path each time', () => {
    const { traffic, network, run } = story();
    const slots: number[] = [];
    network.observe = (_direction, slot) => slots.push(slot);
    network.blackhole([0], [0, 1, 2, 3, 4, 5, 6, 7], { fromMicros: 0, toMicros: Number.POSITIVE_INFINITY });
    traffic.send(0, 0, [100]);
    run(139_000);
    expect(slots).toHaveLength(3);
    expect(new Set(slots).size).toBe(3);
  });
});

describe('a peer that does not answer', () => {
  it('gets plain VXLAN after three requests, is asked ever less often, and comes back', () => {
    const { traffic, log, run, hosts, mend, arrived } = story({ lose: /./ });
    const [host] = hosts;
    traffic.send(0, 0, [100, 100]);
    run(139_000);
    expect(log.take()).toEqual(['> request lost', '> request lost', '> request lost']);
    expect(host.waiting(0)).toBe(2);
    run(2000);
    traffic.send(0, 0, [100]);
    run(1);
    expect(host.counters).toMatchObject({ plain: 3, accepted: 0 });
    expect(host.transport.counters.fallbacks).toBe(1);
    run(150_000);
    expect(log.take()).toEqual([]);
    // The fourth after 160 ms more, then twice as long each time, up to 30 s.
    run(10_000);
    expect(log.take()).toEqual(['> request lost']);
    run(40_000_000);
    expect(log.take()).toHaveLength(7);
    run(60_000_000);
    expect(log.take()).toHaveLength(2);
    mend();
    run(30_000_000);
    expect(log.take()).toEqual(['> request', '< response']);
    traffic.send(0, 0, [100, 100]);
    run(1000);
    expect(arrived()).toEqual([2, 0]);
    hosts.forEach(checkIdle);
  });

  it('comes back at once when it asks itself', () => {
    const { traffic, run, hosts, mend, arrived } = story({ lose: /./ });
    traffic.send(0, 0, [100]);
    run(200_000);
    mend();
    traffic.send(1, 0, [100]);
    run(1000);
    traffic.send(0, 0, [100]);
    run(1000);
    expect(hosts[0].counters).toMatchObject({ plain: 1, accepted: 1 });
    expect(arrived()).toEqual([1, 1]);
  });

  it('has what was accepted for it given back as orphans, in order and once', () => {
    const { traffic, run, hosts, cut, mend } = story();
    settle(traffic, 10_000);
    run(10_000);
    cut([0, 1]);
    traffic.send(0, 0, [100, 5000, 200]);
    run(10_000);
    expect(hosts[0].counters).toMatchObject({ accepted: 4, plain: 0 });
    run(10_000_000);
    expect(hosts[0].counters.plain).toBe(3);
    expect(hosts[0].transport.counters).toMatchObject({ connectionsReset: 1, fallbacks: 1 });
    expect(traffic.missing).toBe(0);
    // None of them comes again on the next connection.
    mend();
    run(31_000_000);
    settle(traffic, 10_000);
    run(10_000);
    expect(hosts[0].counters.plain).toBe(3);
    hosts.forEach(checkIdle);
  });
});
