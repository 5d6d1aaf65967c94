// Sequences that pass 2^32, and clocks that do: nothing happens there.

import { describe, expect, it } from 'vitest';
import { checkIdle, checkState } from '../../sim/invariants.ts';
import { randomConditions, settle, trafficFor } from '../../test/support/random-network.ts';
import { SeededRng } from '../base/rng.ts';
import { PACKET_ACK } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import { firstPsn } from './connections.ts';

const NEAR = 4000;
const WRAP = 2 ** 32;

/** A host seed whose first connection starts its numbers within NEAR of their end. */
function seedNearWrap(from: number): number {
  for (let seed = from; ; seed++) {
    // The CID of row 0, generation 0, thread 0 is the table's salt, the first number that a transport draws.
    const cid = new SeededRng(seed).u32() & 0xff_ffff;
    if (firstPsn(cid) > WRAP - NEAR) return seed;
  }
}

describe('two transports', () => {
  it('do not notice that PSNs wrap around, in any weather', () => {
    const first = seedNearWrap(1);
    const second = seedNearWrap(first + 1);
    for (let seed = 1; seed <= 20; seed++) {
      const rng = new SeededRng(seed);
      const traffic = trafficFor(seed, { hostSeeds: [first, second] });
      const { network } = traffic;
      const { clock, hosts } = network;
      settle(traffic, 10_000);
      const windows = hosts.map(({ transport }) => transport.connections.send[0]!);
      for (const window of windows) expect(window.una).toBeGreaterThan(WRAP - NEAR);
      network.impose(randomConditions(rng));
      for (const direction of [0, 1] as const) {
        traffic.send(
          direction,
          0,
          Array.from({ length: 100 }, () => 60_000),
        );
      }
      clock.runUntil(clock.nowMicros + 20_000);
      hosts.forEach(checkState);
      network.heal();
      settle(traffic, 500_000);
      for (const window of windows) expect(window.next).toBeLessThan(NEAR);
      clock.runUntil(clock.nowMicros + 3_000_000);
      hosts.forEach(checkIdle);
    }
  });

  it('do not notice that microseconds wrap around', () => {
    const rng = new SeededRng(7);
    const traffic = trafficFor(7, { startMicros: WRAP - 20_000 });
    const { network } = traffic;
    const { clock, hosts } = network;
    settle(traffic, 10_000);
    network.impose({ ...randomConditions(rng), lossRate: 0.05, delayMicros: 100 });
    for (let i = 0; i < 40; i++) {
      traffic.send(0, 0, [30_000, 100]);
      traffic.send(1, 0, [100]);
      clock.runUntil(clock.nowMicros + 1000);
    }
    network.heal();
    settle(traffic, 20_000);
    expect(clock.nowMicros).toBeGreaterThan(WRAP);
    const { retransmissions, packetsSent } = hosts[0].transport.counters;
    expect(retransmissions).toBeLessThan(packetsSent / 5);
    for (const { paths } of hosts) expect(paths.timeoutMicros(0, 0)).toBeLessThan(2000);
  });

  it('are closed before half the clock is over, and know nothing of then', () => {
    const traffic = trafficFor(4, { startMicros: WRAP / 2 - 1000 });
    const { network } = traffic;
    const { clock, hosts } = network;
    let bytes = new Uint8Array();
    network.observe = (direction, _slot, packet) => {
      if (direction === 1 && packet[VXLAN_HEADER_BYTES] === PACKET_ACK) bytes = packet.slice();
    };
    settle(traffic, 10_000);
    clock.runUntil(clock.nowMicros + 40 * 60 * 1_000_000);
    // An old acknowledgement, which says nothing about the packet that is on its way.
    for (const channel of network.channels[0]) channel.drops = () => true;
    traffic.send(0, 0, [100]);
    clock.runUntil(clock.nowMicros + 10);
    hosts[0].arrive({ source: 2, slot: 0, bytes, arrivedMicros: clock.nowMicros });
    clock.runUntil(clock.nowMicros + 1000);
    expect(hosts[0].transport.counters).toMatchObject({ lostByGap: 0, lostByTime: 0, unknownCid: 1 });
  });

  it.each([
    ['half an hour', 30 * 60],
    ['half the numbers', 36 * 60],
    ['an hour and a half', 90 * 60],
  ])('find losses as quickly as ever after a rest of %s', (_name, seconds) => {
    const traffic = trafficFor(3, { startMicros: WRAP / 2 - 1000 });
    const { network } = traffic;
    const { clock, hosts } = network;
    settle(traffic, 10_000);
    clock.runUntil(clock.nowMicros + seconds * 1_000_000);
    const before = { ...hosts[0].transport.counters };
    let packets = 0;
    for (const channel of network.channels[0]) channel.drops = () => ++packets === 10;
    traffic.send(0, 0, [28_000]);
    clock.runUntil(clock.nowMicros + 400);
    expect(traffic.missing).toBe(0);
    const { lostByGap, retransmissions } = hosts[0].transport.counters;
    expect([lostByGap - before.lostByGap, retransmissions - before.retransmissions]).toEqual([1, 1]);
  });
});
