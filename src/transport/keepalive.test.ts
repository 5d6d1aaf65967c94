// Connections that nobody uses: asked whether they are still there, closed after a long time, given up where nobody
// answers; and what a restart of the peer is to them (BIFROST §7.2).

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import { story } from '../../test/support/story.ts';
import { CONNECTION_STATE_NAMES } from './connections.ts';

const SECOND = 1_000_000;

/** Open, used both ways, and without windows. */
function resting(options: Parameters<typeof story>[0] = {}) {
  const told = story(options);
  told.traffic.send(0, 0, [100, 3000]);
  told.traffic.send(1, 0, [100, 3000]);
  told.run(3 * SECOND);
  for (const { transport } of told.hosts) expect(transport.connections.awake).toBe(0);
  told.log.take();
  const states = () =>
    told.hosts.map(({ transport }) => CONNECTION_STATE_NAMES[transport.connections.state[0]!]);
  return { ...told, states };
}

describe('a peer that is restarted', () => {
  it('is noticed before the next packet', () => {
    const { traffic, run, log, counters } = resting();
    traffic.restart(1);
    run(45 * SECOND);
    const said = log.take().map((line) => line.replace(/probe \d/, 'probe'));
    expect(said.slice(0, 4)).toEqual(['> probe', '< reset', '> request', '< response']);
    traffic.send(0, 0, [100]);
    run(100);
    expect(log.take()[0]).toBe('> data 1');
    expect(traffic.missing).toBe(0);
    expect(counters(0)).toMatchObject({ connectionsReset: 1, connectionsVanished: 0 });
  });
});

describe('a peer that is gone', () => {
  it('is asked five times, and then nothing is kept of it', () => {
    const { cut, run, states, hosts, counters, mend, traffic } = resting();
    cut([0, 1]);
    const asked = counters(0).probesSent;
    run(90 * SECOND);
    expect(states()).toEqual(['closed', 'closed']);
    expect(counters(0).connectionsVanished).toBe(1);
    expect(counters(0).probesSent - asked).toBe(5);
    for (const { transport } of hosts) expect(transport.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
    mend();
    traffic.send(0, 0, [100]);
    run(10_000);
    expect(traffic.missing).toBe(0);
    hosts.forEach(checkIdle);
  });

  it('and comes back in time is not', () => {
    const { cut, run, states, counters, mend } = resting();
    run(15 * SECOND);
    cut([0, 1]);
    run(25 * SECOND);
    mend();
    run(60 * SECOND);
    expect(states()).toEqual(['established', 'established']);
    expect(counters(0)).toMatchObject({ connectionsVanished: 0, connectionsReset: 0 });
  });

  it('and was given up is asked for ten minutes, for as long as nothing is sent to it', () => {
    const { traffic, run, hosts, log } = story({ lose: /./ });
    traffic.send(0, 0, [100]);
    run(9 * 60 * SECOND);
    log.take();
    run(45 * SECOND);
    expect(log.take()).toContain('> request lost');
    run(60 * SECOND);
    log.take();
    run(600 * SECOND);
    expect(log.take()).toEqual([]);
    expect(hosts[0].transport.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a connection that carries no frame for ten minutes', () => {
  it('is closed, and opened when it is needed', () => {
    const { traffic, run, log, states, hosts, counters } = resting();
    run(590 * SECOND);
    expect(states()).toEqual(['established', 'established']);
    log.take();
    run(60 * SECOND);
    expect(states()).toEqual(['closed', 'closed']);
    expect(
      log
        .take()
        .filter((line) => !/probe|ack/.test(line))
        .sort(),
    ).toEqual(['< close', '> close']);
    for (const { transport } of hosts) expect(transport.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
    traffic.send(1, 0, [100]);
    run(10_000);
    expect(traffic.missing).toBe(0);
    expect(counters(0)).toMatchObject({ connectionsOpened: 2, connectionsReset: 0, unknownCid: 0 });
  });

  it('is not, while it carries one now and then', () => {
    const { traffic, run, counters } = resting();
    for (let i = 0; i < 10; i++) {
      traffic.send(0, 0, [100]);
      run(300 * SECOND);
    }
    expect(counters(0)).toMatchObject({ connectionsOpened: 1, connectionsClosed: 0 });
  });
});

it('however many connections there are, they ask no more than ten times a second', () => {
  const pairs = 1000;
  const { traffic, run, log, hosts } = story({ hosts: { pairs } });
  for (let pair = 0; pair < pairs; pair++) traffic.send(0, pair, [100]);
  run(5 * SECOND);
  log.take();
  const turns = hosts[0].counters.turns;
  run(200 * SECOND);
  const asked = log.take().filter((line) => line.includes('probe')).length;
  expect(asked).toBeGreaterThan(pairs);
  expect(asked).toBeLessThan(200 * 2 * 10);
  expect(hosts[0].counters.turns - turns).toBeLessThan(200 * 40);
});
