// The same as spreading.test.ts, with real switches and connections on the hosts (Backdraft §6.3).

import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { SwitchWorld } from './switch-world.ts';

/** Tenants: 1 sends to the slow one, 2 beside it to another host, 3 from elsewhere to the slow one's host. */
const [TO_SLOW, ELSEWHERE, BESIDE] = [1, 2, 3];
const [SLOW, FAR, NEAR] = [4, 5, 6];
const RATE = 10e6;

function worldWith(options: { pauses: boolean; losslessCore: boolean; seed?: number }): SwitchWorld {
  return new SwitchWorld({
    seed: 1,
    ...options,
    tenants: [[TO_SLOW, ELSEWHERE], [BESIDE], [SLOW, NEAR], [FAR]],
    flows: [
      { from: TO_SLOW, to: SLOW, offeredBytesPerSecond: 100e6 },
      { from: ELSEWHERE, to: FAR, offeredBytesPerSecond: 60e6 },
      { from: BESIDE, to: NEAR, offeredBytesPerSecond: 60e6 },
    ],
    takesBytesPerSecond: { [SLOW]: RATE },
  });
}

for (const losslessCore of [true, false]) {
  itForSeeds(`over a ${losslessCore ? 'lossless' : 'lossy'} core only the slow flow is slow`, 2, (seed) => {
    const world = worldWith({ pauses: true, losslessCore, seed });
    world.measure(30_000);
    const rates = world.measure(70_000);
    expect(rates[SLOW]! / RATE).toBeGreaterThan(0.95);
    expect(rates[FAR]! / 60e6).toBeGreaterThan(0.98);
    expect(rates[NEAR]! / 60e6).toBeGreaterThan(0.98);
    expect(world.drops).toBe(0);
    expect(world.pauseFrames).toBe(0);
    expect(world.core.counters).toEqual({ drops: 0, pauseFrames: 0 });
  });
}

describe('without overlay pauses', () => {
  it('a lossless core slows down who sends from the same host, and to the same host', () => {
    const world = worldWith({ pauses: false, losslessCore: true });
    world.measure(60_000);
    const rates = world.measure(70_000);
    expect(rates[FAR]! / 60e6).toBeLessThan(0.6);
    expect(rates[NEAR]! / 60e6).toBeLessThan(0.6);
    expect(world.pauseFrames).toBeGreaterThan(0);
    expect(world.core.counters.pauseFrames).toBeGreaterThan(0);
  });

  it('over a lossy core the slow flow’s frames are dropped', () => {
    const world = worldWith({ pauses: false, losslessCore: false });
    world.measure(150_000);
    expect(world.drops * 1400).toBeGreaterThan(1e6);
  });
});
