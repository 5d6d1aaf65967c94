// Who pays for a slow receiver (Backdraft §6.3, figure 13 and table 3): one host sends to a slow receiver and, on another
// flow, to a host that has nothing to do with it; a third sends to a fast receiver beside the slow one. With the overlay
// the slow flow is slow and nothing else; without it, a lossless core slows down everybody and a lossy one drops.

import { expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import type { PauseWorldOptions } from './packet.ts';
import { type FlowReport, PauseWorld } from './world.ts';

const SLOW = 20e6;
const OFFERED = [0.5e9, 0.4e9, 0.5e9] as const;

interface Outcome {
  readonly slow: FlowReport;
  /** From the host that sends to the slow receiver to another one; from another one to the slow receiver's host. */
  readonly elsewhere: FlowReport;
  readonly beside: FlowReport;
  /** To the core, by the slow receiver's host; by the core, to hosts. */
  readonly pauseFrames: number;
  readonly spread: number;
  readonly coreDrops: number;
}

function outcome(options: Partial<PauseWorldOptions>): Outcome {
  const fast = () => 5e9;
  const world = new PauseWorld(options, [
    { from: 0, to: 2, offeredBytesPerSecond: OFFERED[0], takesBytesPerSecond: () => SLOW },
    { from: 0, to: 3, offeredBytesPerSecond: OFFERED[1], takesBytesPerSecond: fast },
    { from: 1, to: 2, offeredBytesPerSecond: OFFERED[2], takesBytesPerSecond: fast },
  ]);
  world.measureUntil(40_000);
  const [slow, elsewhere, beside] = world.measureUntil(140_000);
  return {
    slow: slow!,
    elsewhere: elsewhere!,
    beside: beside!,
    pauseFrames: world.receivers[2]!.pauseFrames,
    spread: world.core.counters.pauseFrames,
    coreDrops: world.core.counters.drops,
  };
}

for (const losslessCore of [true, false]) {
  const core = losslessCore ? 'lossless' : 'lossy';
  itForSeeds(`with the overlay nothing spreads over a ${core} core and nothing is dropped`, 4, (seed) => {
    const { slow, elsewhere, beside, ...core } = outcome({ losslessCore, seed, frameLossRate: 0.1 });
    expect(slow.bytesPerSecond / SLOW).toBeGreaterThan(0.94);
    expect(elsewhere.bytesPerSecond / OFFERED[1]).toBeGreaterThan(0.99);
    expect(beside.bytesPerSecond / OFFERED[2]).toBeGreaterThan(0.99);
    expect(slow.drops + elsewhere.drops + beside.drops).toBe(0);
    expect(core).toEqual({ pauseFrames: 0, spread: 0, coreDrops: 0 });
  });
}

it('without it a lossless core slows down everybody to the slow receiver’s rate', () => {
  const { elsewhere, beside, spread, pauseFrames, slow } = outcome({ losslessCore: true, overlay: false });
  expect(elsewhere.bytesPerSecond / OFFERED[1]).toBeLessThan(0.2);
  expect(beside.bytesPerSecond / OFFERED[2]).toBeLessThan(0.2);
  expect(slow.drops + elsewhere.drops + beside.drops).toBe(0);
  expect(pauseFrames).toBeGreaterThan(0);
  expect(spread).toBeGreaterThan(0);
});

it('without it a lossy core carries what is dropped at the slow receiver', () => {
  const { elsewhere, beside, slow } = outcome({ losslessCore: false, overlay: false });
  expect(slow.drops * 1500).toBeGreaterThan(0.8 * 0.14 * (OFFERED[0] - SLOW) - 4e6);
  expect(elsewhere.drops + beside.drops).toBe(0);
});

it('the network’s threshold leaves the overlay room to react', () => {
  const rttMicros = 4 * 10;
  const { networkThresholdBytes, thresholds } = new PauseWorld({ losslessCore: true }, []).receivers[0]!;
  expect(networkThresholdBytes - thresholds.mostOverBytes).toBeGreaterThan((rttMicros * 1.25e9) / 1e6);
});
