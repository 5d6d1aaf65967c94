// What connections cost that are open and not used (BIFROST §4.4, resource pooling): rows, and no windows.

import { describe, expect, it } from 'vitest';
import { PERFECT } from '../../sim/channel.ts';
import { checkIdle } from '../../sim/invariants.ts';
import { story } from '../../test/support/story.ts';
import type { TransportState } from './transport-state.ts';

const REST_MICROS = 2_000_000;

/** Of everything but the windows in the pools: typed arrays by their size, entries of maps and places of lists about so. */
function stateBytes(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value instanceof Map || value instanceof Set) return value.size * 40;
  if (Array.isArray(value)) return value.reduce((sum, each) => sum + stateBytes(each), value.length * 8);
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce((sum: number, each) => sum + stateBytes(each), 0);
}

function restBytes({ connections, ...state }: TransportState): number {
  const { sendPool: _send, receivePool: _receive, ...rows } = connections;
  return stateBytes({ ...state, rows });
}

describe('thousands of connections', () => {
  it('take less than half a kilobyte each, however much room their columns have to grow', () => {
    for (const pairs of [920, 1300]) {
      const { traffic, hosts, run } = story({ hosts: { pairs, chunks: 64 } });
      for (let pair = 0; pair < pairs; pair++) {
        traffic.send(0, pair, [100]);
        if (pair % 100 === 0) run(1000);
      }
      run(2 * REST_MICROS);
      for (const { transport } of hosts) {
        expect(transport.connections).toMatchObject({ count: pairs, awake: 0 });
        expect(restBytes(transport.save()) / pairs).toBeLessThan(450);
      }
    }
  });

  it('have as many windows as are used at a time, and go on where they were', () => {
    const pairs = 2000;
    const { traffic, hosts, run, arrived } = story({ hosts: { pairs } });
    const [{ connections }, other] = hosts.map(({ transport }) => transport) as [
      (typeof hosts)[0]['transport'],
      (typeof hosts)[0]['transport'],
    ];
    let most = 0;
    const useEach = () => {
      for (let pair = 0; pair < pairs; pair++) {
        traffic.send(pair % 2 === 0 ? 0 : 1, pair, [100, 2000]);
        run(10_000);
        most = Math.max(most, connections.windows, other.connections.windows);
      }
    };
    useEach();
    expect(connections.count).toBe(pairs);
    expect(arrived()).toEqual([pairs, pairs]);
    // Two seconds' worth of connections, and as many in the pool.
    const atATime = REST_MICROS / 10_000;
    expect(most).toBeLessThanOrEqual(2 * atATime);
    run(REST_MICROS);
    expect([connections.awake, other.connections.awake]).toEqual([0, 0]);
    expect(connections.windows).toBeLessThanOrEqual(16);
    useEach();
    expect(traffic.missing).toBe(0);
    for (const { transport } of hosts) {
      expect(transport.counters).toMatchObject({
        connectionsOpened: pairs,
        retransmissions: 0,
        unknownCid: 0,
      });
    }
    run(REST_MICROS);
    hosts.forEach(checkIdle);
  });

  it('all used at once need windows each, and not for ever', () => {
    const pairs = 300;
    const { traffic, hosts, run } = story({ hosts: { pairs } });
    for (let pair = 0; pair < pairs; pair++) traffic.send(0, pair, [100]);
    run(100_000);
    const { connections } = hosts[0].transport;
    expect(connections.awake).toBe(pairs);
    run(REST_MICROS);
    expect(connections.awake).toBe(0);
    expect(connections.windows).toBeLessThanOrEqual(16);
    hosts.forEach(checkIdle);
  });
});

describe('a connection at rest', () => {
  /** Open, used both ways, and without windows. */
  function resting() {
    const told = story();
    told.traffic.send(0, 0, [100, 30_000]);
    told.traffic.send(1, 0, [100, 30_000]);
    told.run(3 * REST_MICROS);
    for (const { transport } of told.hosts) expect(transport.connections.awake).toBe(0);
    told.log.take();
    return told;
  }

  it('is asked now and then whether it is still there, and stays at rest', () => {
    const { hosts, run, log } = resting();
    const before = hosts.map(({ counters }) => counters.turns);
    run(100_000_000);
    const said = log.take();
    expect(said.filter((line) => line.includes('probe')).length).toBeLessThanOrEqual(5);
    expect(said.filter((line) => !/probe|ack/.test(line))).toEqual([]);
    for (const [i, { counters, transport }] of hosts.entries()) {
      expect(counters.turns - before[i]!).toBeLessThanOrEqual(20);
      expect(transport.connections.awake).toBe(0);
    }
  });

  it('knows what it received: a copy that comes late is acknowledged and not delivered again', () => {
    const { traffic, network, run, arrived, counters, clock } = story();
    const packets: Uint8Array[] = [];
    network.observe = (direction, _slot, packet) => {
      if (direction === 0 && packet.length > 100) packets.push(packet.slice());
    };
    traffic.send(0, 0, [100]);
    run(3 * REST_MICROS);
    network.hosts[1].arrive({ source: 1, slot: 0, bytes: packets[0]!, arrivedMicros: clock.nowMicros });
    run(1000);
    expect(arrived()).toEqual([1, 0]);
    expect(counters(1).duplicates).toBe(1);
    expect(counters(0)).toMatchObject({ spurious: 1, badAck: 0 });
    run(2 * REST_MICROS);
    network.hosts.forEach(checkIdle);
  });

  it('repairs the first packets of its next use like any', () => {
    const { traffic, network, run } = resting();
    network.impose({ ...PERFECT, lossRate: 0.3 });
    traffic.send(0, 0, [60_000, 100, 60_000]);
    traffic.send(1, 0, [60_000, 100, 60_000]);
    run(500_000);
    expect(traffic.missing).toBe(0);
  });

  it('is given up and begun anew when its peer was restarted', () => {
    const { traffic, run, hosts } = resting();
    traffic.restart(1);
    traffic.send(0, 0, [100, 200]);
    run(10_000);
    expect(traffic.missing).toBe(0);
    expect(hosts[0].transport.counters.connectionsReset).toBe(1);
  });
});
