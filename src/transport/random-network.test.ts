// Frames of all sizes through networks that do everything to them but for ever: what was accepted arrives once, in
// order and unchanged; state stays bounded; references add up; and once the network heals, all is over soon.

import { describe } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import { passStorm, settle, trafficFor } from '../../test/support/random-network.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../base/rng.ts';
import { noControl } from '../congestion/constant-window.ts';
import { swift } from '../congestion/swift.ts';

/** Timeouts that doubled while nothing got through end within this. */
const HEALED_WITHIN_MICROS = 500_000;
/** Probes of the last bad slot come to rest. */
const REST_MICROS = 3_000_000;

describe('two transports', () => {
  itForSeeds('deliver everything once, in order and unchanged, and come to rest', 600, (seed) => {
    const rng = new SeededRng(seed);
    const traffic = trafficFor(seed, {
      startMicros: rng.u32(),
      hosts: {
        pairs: chance(rng, 0.3) ? 3 : 1,
        windowPackets: chance(rng, 0.3) ? 64 + below(rng, 4033) : 512,
        payloadBytes: chance(rng, 0.2) ? 8900 : 1400,
        reorder: chance(rng, 0.8),
        congestion: chance(rng, 0.5) ? swift({ packetBytes: 1400, maxCwndPackets: 512 }) : noControl(),
      },
    });
    const { network } = traffic;
    const { clock, hosts } = network;
    settle(traffic, 10_000);
    passStorm(traffic, rng);
    settle(traffic, HEALED_WITHIN_MICROS);
    clock.runUntil(clock.nowMicros + REST_MICROS);
    hosts.forEach(checkIdle);
    const turns = hosts.map((host) => host.counters.turns);
    clock.runUntil(clock.nowMicros + 60_000_000);
    // Now and then each connection is asked whether it is still there.
    const { pairs } = hosts[0].options;
    if (hosts.some((host, i) => host.counters.turns > turns[i]! + 16 * pairs))
      throw new Error('at rest, and still awake');
    for (const { transport } of hosts) {
      const { connectionsReset, fallbacks, malformed, badAck, badFraming, unknownCid } = transport.counters;
      const unexpected = connectionsReset + fallbacks + malformed + badAck + badFraming + unknownCid;
      if (unexpected !== 0) throw new Error(`unexpected: ${JSON.stringify(transport.counters)}`);
    }
  });
});
