// A campaign of faults of all kinds, one after the other, with traffic both ways: how long until no flow at all, of either end, is
// on a way that loses packets.
import { expect, it } from 'vitest';
import { below, chance, type Rng, SeededRng } from '../../base/rng.ts';
import { Region, SECOND, type Trip } from './region.testing.ts';

interface Fault {
  /** 0 to 1. */
  readonly loss: number;
  readonly isHit: (trip: Trip & { readonly spine: number }) => boolean;
}

const LOSSES = [1, 1, 0.8, 0.5, 0.3];

function drawFault(dice: Rng): Fault {
  const loss = LOSSES[below(dice, LOSSES.length)]!;
  const spine = below(dice, 4);
  const way = below(dice, 3);
  const hasBucket = below(dice, 4) === 0;
  return {
    loss,
    // One hash bucket of a router, or all of it; one way or both.
    isHit: (trip) =>
      trip.spine === spine && (way === 2 || trip.from === way) && (!hasBucket || trip.sourcePort % 2 === 0),
  };
}

it('flows are off the fault within half a second as a rule, and within three seconds always', () => {
  const seconds: number[] = [];
  for (let seed = 1; seed <= 5; seed++) {
    const dice = new SeededRng(seed * 31);
    const region = new Region(2, { seed });
    const flows = Array.from({ length: 6 }, () => 32_768 + below(dice, 28_000));
    const busy = () => {
      for (const port of flows) for (const from of [0, 1]) region.flow(from, 1 - from, port);
    };
    region.pass(5, busy);
    for (let i = 0; i < 8; i++) {
      const fault = drawFault(dice);
      const start = region.now;
      const isOff = () => flows.every((port) => [0, 1].every((from) => isWell(region, fault, from, port)));
      region.loses = (trip) => fault.isHit(trip) && (fault.loss === 1 || chance(dice, fault.loss));
      if (!isOff()) {
        region.passUntil(isOff, 30, busy);
        seconds.push((region.now - start) / SECOND);
      }
      region.pass(5, busy);
      region.loses = () => false;
      region.pass(20 + below(dice, 20), busy);
    }
  }
  seconds.sort((a, b) => a - b);
  expect(seconds.length).toBeGreaterThan(20);
  expect(seconds[seconds.length >> 1]).toBeLessThan(0.6);
  expect(seconds.at(-1)).toBeLessThan(3);
});

function isWell(region: Region, fault: Fault, from: number, port: number): boolean {
  const trip = { from, to: 1 - from, sourcePort: region.portOf(from, 1 - from, port) };
  return !fault.isHit({ ...trip, spine: region.spineOf(trip) });
}
