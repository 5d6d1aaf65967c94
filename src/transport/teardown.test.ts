// Ends that are said: a host that stops, closes that are lost or cross, and the peers' frames meanwhile.

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import { settle } from '../../test/support/random-network.ts';
import { story } from '../../test/support/story.ts';
import { CONNECTION_STATE_NAMES } from './connections.ts';

const SECOND = 1_000_000;

function open(lose?: RegExp) {
  const told = lose === undefined ? story() : story({ lose });
  settle(told.traffic, 10_000);
  told.run(2000);
  told.log.take();
  const { clock, hosts } = told;
  const stop = (host: 0 | 1) => {
    hosts[host].transport.stop(clock.nowMicros);
    hosts[host].wake(clock.nowMicros);
  };
  const states = () => hosts.map(({ transport }) => CONNECTION_STATE_NAMES[transport.connections.state[0]!]);
  return { ...told, stop, states };
}

describe('a host that stops', () => {
  it('says so, and is done when its peer knows', () => {
    const { stop, run, log, states, hosts } = open();
    stop(0);
    expect(hosts[0].transport.isStopped).toBe(false);
    run(150);
    expect(log.take()).toEqual(['> close', '< close']);
    expect(states()).toEqual(['closed', 'closed']);
    expect(hosts[0].transport.isStopped).toBe(true);
    run(3 * SECOND);
    expect(hosts[0].transport.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  it('says it three times to one that does not answer, and is done', () => {
    const { stop, run, log, hosts } = open(/close/);
    stop(0);
    run(139_000);
    expect(hosts[0].transport.isStopped).toBe(false);
    run(2000);
    expect(hosts[0].transport.isStopped).toBe(true);
    expect(log.take().filter((line) => line.startsWith('>'))).toEqual(new Array(3).fill('> close lost'));
  });

  it('learns by a reset that its close had arrived, when the answer was lost', () => {
    const { stop, run, log, hosts, states } = open(/^< close/);
    stop(0);
    run(5000);
    expect(log.take()).toEqual(['> close', '< close lost', '> close', '< reset']);
    expect(states()).toEqual(['closed', 'closed']);
    expect(hosts[0].transport.isStopped).toBe(true);
  });

  it('at the same time as its peer needs no answer', () => {
    const { stop, run, log, states } = open();
    stop(0);
    stop(1);
    run(5000);
    expect(log.take().sort()).toEqual(['< close', '> close']);
    expect(states()).toEqual(['closed', 'closed']);
  });

  it('begins nothing any more and answers nobody', () => {
    const { stop, run, log, traffic } = open();
    stop(0);
    run(1000);
    log.take();
    traffic.send(0, 0, [100]);
    traffic.send(1, 0, [100]);
    run(50_000);
    expect(log.take().filter((line) => line.startsWith('>'))).toEqual([]);
  });
});

describe('the peer of a host that stops', () => {
  it('holds what was on its way and what comes, and sends it to the next agent in order', () => {
    const { stop, run, traffic, hosts, counters } = open();
    traffic.send(0, 0, [30_000, 200]);
    run(20);
    stop(1);
    run(300_000);
    traffic.send(0, 0, [300, 400]);
    run(SECOND);
    expect(hosts[0].counters.plain).toBe(0);
    traffic.restart(1);
    run(200_000);
    expect(traffic.missing).toBe(0);
    expect(counters(0)).toMatchObject({ fallbacks: 0, connectionsClosed: 1 });
    hosts.forEach(checkIdle);
  });

  it('goes plain when none comes for three seconds', () => {
    const { stop, run, traffic, hosts } = open();
    traffic.send(0, 0, [300]);
    run(20);
    stop(1);
    run(2.9 * SECOND);
    expect(hosts[0].counters.plain).toBe(0);
    run(0.4 * SECOND);
    expect(hosts[0].counters.plain).toBe(1);
    expect(traffic.missing).toBe(0);
  });

  it('asks for nothing while it has nothing to send', () => {
    const { stop, run, log, states } = open();
    stop(1);
    run(1000);
    log.take();
    run(20 * SECOND);
    expect(log.take()).toEqual([]);
    expect(states()).toEqual(['closed', 'closed']);
  });
});

describe('a connection closed at rest', () => {
  it('whose closes are lost is given up by the peer at its next packet', () => {
    const { run, traffic, states, hosts, mend, clock } = open(/close/);
    // One end only: the other is busy elsewhere until the first has closed.
    hosts[1].deschedule(clock.nowMicros + 640 * SECOND);
    run(639 * SECOND);
    expect(states()[0]).toBe('closed');
    mend();
    run(2 * SECOND);
    traffic.send(1, 0, [100, 200]);
    run(10_000);
    expect(traffic.missing).toBe(0);
    expect(states()).toEqual(['established', 'established']);
    hosts.forEach(checkIdle);
  });

  it('while the peer sends is opened again for what it sent', () => {
    const { run, traffic, log, states } = open();
    let closing = false;
    for (let i = 0; i < 700 && !closing; i++) {
      run(SECOND);
      closing = log.take().includes('> close');
    }
    traffic.send(1, 0, [100, 200]);
    run(10_000);
    expect(traffic.missing).toBe(0);
    expect(states()).toEqual(['established', 'established']);
  });

  it('that is needed after all is opened without waiting for the answer', () => {
    const { run, traffic, network } = open(/^< close/);
    let sent = false;
    network.observe = (_direction, _slot, packet) => {
      if (packet[8] !== 6 || sent) return;
      sent = true;
      traffic.send(0, 0, [100, 200]);
      traffic.send(1, 0, [100, 200]);
    };
    run(700 * SECOND);
    expect(sent).toBe(true);
    expect(traffic.missing).toBe(0);
  });
});
