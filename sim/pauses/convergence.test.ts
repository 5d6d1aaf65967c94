// Both sides of pauses in a loop, over a core that drops: a sender that always has more comes to its receiver's rate, and
// nothing is dropped, whatever the rates, the distances and the frames that get lost (Backdraft §4.3, figure 15).

import { expect, it } from 'vitest';
import { below, SeededRng } from '../../src/base/rng.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { PauseWorld } from './world.ts';

/** Uniformly in its logarithm. */
function between(rng: SeededRng, low: number, high: number): number {
  return low * (high / low) ** (rng.u32() / 2 ** 32);
}

itForSeeds('a sender comes to its receiver’s rate, and nothing is dropped', 25, (seed) => {
  const rng = new SeededRng(seed);
  const rate = between(rng, 10e6, 1e9);
  const frameLossRate = [0, 0, 0.1, 0.3][below(rng, 4)]!;
  const options = { seed, frameLossRate, hopMicros: between(rng, 2, 100) };
  const offered = Math.min(1.25e9, 1.2 * rate + between(rng, 1e6, 1e9));
  const world = new PauseWorld(options, [
    { from: 0, to: 1, offeredBytesPerSecond: offered, takesBytesPerSecond: () => rate },
  ]);
  world.measureUntil(50_000);
  const [flow] = world.measureUntil(150_000);
  expect(flow!.drops).toBe(0);
  // Owners take batches of 96 KB, and the last one may lie behind the end.
  expect(flow!.bytesPerSecond * 0.1 + 96_000).toBeGreaterThan(0.97 * rate * 0.1);
  expect(world.core.counters.drops).toBe(0);
  const { thresholds } = world.receivers[1]!;
  if (frameLossRate === 0) expect(flow!.mostBytes).toBeLessThan(thresholds.mostOverBytes);
});

it.each([
  [30e6, 5],
  [30e6, 50],
  [200e6, 5],
  [200e6, 50],
  [600e6, 5],
  [600e6, 50],
])(
  'a receiver of %i bytes/s, hops of %i µs, that doubles its speed is fed at it within 50 ms',
  (rate, hopMicros) => {
    const turnsAt = 100_000;
    const world = new PauseWorld({ hopMicros }, [
      {
        from: 0,
        to: 1,
        offeredBytesPerSecond: 1.25e9,
        takesBytesPerSecond: (now) => (now < turnsAt ? rate : 2 * rate),
      },
    ]);
    world.measureUntil(turnsAt / 2);
    const [before] = world.measureUntil(turnsAt);
    expect(before!.bytesPerSecond / rate).toBeLessThan(1.1);
    world.measureUntil(turnsAt + 50_000);
    const [after] = world.measureUntil(turnsAt + 100_000);
    expect(after!.bytesPerSecond / rate).toBeGreaterThan(1.88);
    expect(after!.drops).toBe(0);
  },
);

it.each([1_000, 5_000, 30_000])('a receiver that stops and goes every %i µs is not starved', (micros) => {
  const rate = 400e6;
  const world = new PauseWorld({}, [
    {
      from: 0,
      to: 1,
      offeredBytesPerSecond: Number.POSITIVE_INFINITY,
      takesBytesPerSecond: (now) => (now % (2 * micros) < micros ? rate : 0),
    },
  ]);
  const [flow] = world.measureUntil(300_000);
  expect(flow!.bytesPerSecond / (rate / 2)).toBeGreaterThan(0.8);
  expect(flow!.drops).toBe(0);
});

it('a receiver that takes nothing holds no more than its cap, and its sender sends a packet a second', () => {
  const world = new PauseWorld({}, [
    {
      from: 0,
      to: 1,
      offeredBytesPerSecond: Number.POSITIVE_INFINITY,
      takesBytesPerSecond: () => 0,
    },
  ]);
  world.measureUntil(100_000);
  const before = world.receivers[1]!.flow(0).queuedBytes;
  const [flow] = world.measureUntil(5_100_000);
  expect(flow!.drops).toBe(0);
  const packets = (world.receivers[1]!.flow(0).queuedBytes - before) / 1500;
  expect(packets).toBeGreaterThanOrEqual(4);
  expect(packets).toBeLessThanOrEqual(6);
  expect(flow!.mostBytes).toBeLessThan(world.receivers[1]!.capBytes);
});

it('a flow that is paused does not delay another of the same pair of hosts', () => {
  const world = new PauseWorld({}, [
    { from: 0, to: 1, offeredBytesPerSecond: 0.5e9, takesBytesPerSecond: () => 5e6 },
    { from: 0, to: 1, offeredBytesPerSecond: 0.5e9, takesBytesPerSecond: () => 5e9 },
  ]);
  const [slow, fast] = world.measureUntil(100_000);
  expect(slow!.bytesPerSecond).toBeLessThan(10e6);
  expect(fast!.bytesPerSecond).toBeGreaterThan(0.99 * 0.5e9);
  expect(slow!.drops + fast!.drops).toBe(0);
});
