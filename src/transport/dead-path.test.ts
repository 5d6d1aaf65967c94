// Slots on which nothing comes through, one way or both: traffic goes on over the others within a few timeouts, the
// dead slots are left and only probed, and they are used again after they heal (BIFROST §4.1, §4.3).

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import { settle } from '../../test/support/random-network.ts';
import { ALL_SLOTS, story } from '../../test/support/story.ts';
import { SLOT_BAD, SLOT_HEALTHY } from '../paths/slot-health.ts';

/** A connection whose eight slots have all carried packets both ways. */
function warm() {
  const told = story();
  for (const direction of [0, 1] as const) {
    told.traffic.send(
      direction,
      0,
      Array.from({ length: 20 }, () => 60_000),
    );
  }
  told.run(50_000);
  settle(told.traffic, 10_000);
  told.run(10_000);
  told.log.take();
  return told;
}

/** Sends a small frame each way every 200 us for a while; the longest time between two deliveries of a direction. */
function longestGap(told: ReturnType<typeof warm>, micros: number): number {
  const { traffic, clock } = told;
  const last = [clock.nowMicros, clock.nowMicros];
  let before = told.arrived();
  let longest = 0;
  const end = clock.nowMicros + micros;
  let next = clock.nowMicros;
  while (clock.nowMicros < end) {
    if (clock.nowMicros >= next) {
      traffic.send(0, 0, [100]);
      traffic.send(1, 0, [100]);
      next += 200;
    }
    told.run(20);
    const now = told.arrived();
    for (const direction of [0, 1]) {
      if (now[direction] === before[direction]) continue;
      longest = Math.max(longest, clock.nowMicros - last[direction]!);
      last[direction] = clock.nowMicros;
    }
    before = now;
  }
  return longest;
}

const cases = [
  ['one slot, both ways', [0, 1], [3]],
  ['one slot, there only', [0], [3]],
  ['one slot, back only', [1], [3]],
  ['a quarter of the slots, both ways', [0, 1], [2, 5]],
  ['all but one slot, both ways', [0, 1], [0, 1, 2, 3, 4, 6, 7]],
] as const;

describe.each(cases)('with %s dead', (_name, directions, slots) => {
  it('traffic stands still for a few milliseconds at most, and everything arrives', () => {
    const told = warm();
    const { traffic, hosts, cut, run } = told;
    const fine = longestGap(told, 20_000);
    expect(fine).toBeLessThan(400);
    cut(directions, slots);
    // A timeout of less than a millisecond for each dead slot that comes up, some of them doubled.
    expect(longestGap(told, 100_000)).toBeLessThan(1500 * (1 + slots.length));
    run(50_000);
    expect(traffic.missing).toBe(0);
    run(1_000_000);
    hosts.forEach(checkIdle);
  });

  it('the slots that owe answers go bad, carry no data, and come back after they heal', () => {
    const told = warm();
    const { hosts, network, cut, run, mend, log } = told;
    cut(directions, slots);
    // Slots that are not used are asked five times a second.
    longestGap(told, 500_000);
    // The second host opened the connection and leads; the first answers on the slot it was asked on, as long as its
    // own data gets through there. A host learns of the slots it uses.
    const learns = directions.some((direction) => direction === 1) ? 1 : 0;
    const isBad = (host: 0 | 1, slot: number) => hosts[host].paths.stateOf(0, slot) === SLOT_BAD;
    expect(ALL_SLOTS.filter((slot) => isBad(learns, slot))).toEqual([...slots]);
    log.take();
    network.observe = (direction, slot, packet) => {
      if (isBad(direction, slot) && packet.length > 100)
        throw new Error(`data on slot ${slot}, which is bad`);
    };
    longestGap(told, 20_000);
    network.observe = () => {};
    mend();
    // Probes come once a second at the latest, and two in a row must be answered.
    run(1_200_000);
    for (const host of hosts) {
      for (const slot of slots) expect(host.paths.stateOf(0, slot)).toBe(SLOT_HEALTHY);
    }
    const probes = log.take().filter((line) => line.includes('probe')).length;
    expect(probes).toBeLessThanOrEqual(slots.length * 2 * 8);
    settle(told.traffic, 10_000);
  });
});
