// Hosts that forget everything at any moment, in a network that loses, duplicates and reorders. What the other host
// accepted still arrives, in order and unchanged; frames that had arrived unacknowledged may come again, and only a
// host that was restarted itself may have forgotten frames.

import { describe } from 'vitest';
import { checkIdle, checkState } from '../../sim/invariants.ts';
import {
  randomBursts,
  randomConditions,
  settle,
  trafficFor,
  uniform,
} from '../../test/support/random-network.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../base/rng.ts';

const STORM_MICROS = 40_000;

describe('two transports', () => {
  itForSeeds('survive restarts of either', 400, (seed) => {
    const rng = new SeededRng(seed);
    const traffic = trafficFor(seed, { startMicros: rng.u32(), hosts: { pairs: chance(rng, 0.3) ? 3 : 1 } });
    const { network } = traffic;
    const { clock, hosts } = network;
    const storm = { fromMicros: clock.nowMicros, toMicros: clock.nowMicros + STORM_MICROS };
    network.impose({ ...randomConditions(rng), lossRate: chance(rng, 0.5) ? uniform(rng, 0, 0.2) : 0 });
    randomBursts(traffic, rng, 10, storm);
    for (let i = below(rng, 5); i > 0; i--) {
      const direction = below(rng, 2) === 0 ? 0 : 1;
      clock.at(uniform(rng, storm.fromMicros, storm.toMicros), () => traffic.restart(direction));
    }
    for (let step = 1; step <= 5; step++) {
      clock.runUntil(storm.fromMicros + (step * STORM_MICROS) / 5);
      hosts.forEach(checkState);
    }
    network.heal();
    settle(traffic, 500_000);
    clock.runUntil(clock.nowMicros + 3_000_000);
    hosts.forEach(checkIdle);
  });
});
