// A known peer that sends anything at all: nothing throws, state stays bounded and every reference is accounted for.
// What valid-looking forgeries do to the data is not promised; the checksums of UDP and of the tenants' own protocols
// stand before that.

import { describe } from 'vitest';
import { PERFECT } from '../../sim/channel.ts';
import { checkState } from '../../sim/invariants.ts';
import type { Application, TransportHost } from '../../sim/transport-host.ts';
import { type Direction, TransportPair } from '../../sim/transport-pair.ts';
import { mutated } from '../../test/support/mutations.ts';
import { uniform } from '../../test/support/random-network.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { below, chance, type Rng, SeededRng } from '../base/rng.ts';
import { localMemory } from '../packet/region.ts';

const RECORDED = 64;
const STEPS = 30;
const CHUNKS = 8;
const memories = [localMemory(CHUNKS), localMemory(CHUNKS)] as const;

/** Gives the transport something to do in many of its turns, and does not look at what comes out. */
class Chatter implements Application {
  private readonly rng: Rng;

  constructor(rng: Rng) {
    this.rng = rng;
  }

  received(): void {}
  plain(): void {}
  sending(host: TransportHost): void {
    for (let pair = 0; pair < host.options.pairs; pair++) {
      if (host.waiting(pair) < 4 && chance(this.rng, 0.4)) host.offer(pair, 24 + below(this.rng, 4000), 0);
    }
  }
}

function fuzz(seed: number): void {
  const rng = new SeededRng(seed);
  const network = new TransportPair(
    {
      seed,
      deliverDamaged: true,
      conditions: { ...PERFECT, corruptionRate: chance(rng, 0.5) ? 0.2 : 0, lossRate: 0.01 },
      memories,
      hosts: { chunks: CHUNKS, windowPackets: 64, pairs: 2, payloadBytes: 1400 },
      startMicros: rng.u32(),
    },
    new Chatter(rng),
  );
  const { clock, hosts } = network;
  const recorded: Uint8Array[] = [];
  network.observe = (_direction, _slot, packet) => {
    recorded[below(rng, RECORDED)] = packet;
  };
  for (const host of hosts) host.wake(clock.nowMicros);
  for (let step = 0; step < STEPS; step++) {
    clock.runUntil(clock.nowMicros + uniform(rng, 0, chance(rng, 0.1) ? 100_000 : 500));
    for (let i = below(rng, 20); i > 0; i--) {
      const to: Direction = chance(rng, 0.5) ? 0 : 1;
      const bytes = mutated(
        rng,
        recorded.filter((packet) => packet !== undefined),
      );
      if (bytes.length === 0) continue;
      hosts[to].arrive({ source: 2 - to, slot: below(rng, 8), bytes, arrivedMicros: clock.nowMicros });
    }
    hosts.forEach(checkState);
  }
}

describe('a transport whose peer sends garbage', () => {
  itForSeeds('does not throw, grow or leak', 300, fuzz);
});
