// A switch that is replaced between any two turns: what hosts send and tenants receive is the same to the byte and to
// the microsecond as if nothing had happened, so a field that is forgotten in `save` or in a constructor shows. The
// state is plain data, loading leaves it as it is, and its shape belongs to its version.

import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { digest } from '../../test/support/digest.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { shapeOf } from '../../test/support/state-shape.ts';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { type RandomWorld, runRandomWorld } from '../../test/vswitch/random-world.ts';
import { chance, SeededRng } from '../base/rng.ts';

/** Everything that can be seen from outside, and every counter. */
function traceOf({ world, hosts }: RandomWorld): object {
  return {
    packets: world.packets.length,
    sent: digest(world.packets.map(({ from, to, slot, atMicros }) => `${from} ${to} ${slot} ${atMicros}`)),
    packetBytes: digest(world.packets.map(({ bytes }) => bytes)),
    received: hosts.map(({ received }) => received.map((frames) => [frames.length, digest(frames)])),
    counters: hosts.map(({ vswitch }) => [
      vswitch.counters,
      vswitch.transport.counters,
      vswitch.paths.changes,
    ]),
    endedAt: world.clock.nowMicros,
  };
}

itForSeeds('a replacement before any turn changes nothing', 6, (seed) => {
  const undisturbed = traceOf(runRandomWorld(seed));
  const rng = new SeededRng(seed ^ 0x5a5a);
  let replaced = 0;
  const disturbed = runRandomWorld(
    seed,
    ({ world }) => {
      world.beforeTurn = (host) => {
        if (!chance(rng, 0.7)) return;
        host.replaceSwitch();
        replaced++;
      };
    },
    ({ hosts }) => {
      for (const { vswitch } of hosts) checkConservation(vswitch);
    },
  );
  expect(replaced).toBeGreaterThan(50);
  expect(traceOf(disturbed)).toEqual(undisturbed);
  for (const { vswitch, region } of disturbed.hosts) checkIdle(vswitch, region);
});

itForSeeds('loading leaves the old state as it is, so that the old switch can go on', 3, (seed) => {
  const undisturbed = traceOf(runRandomWorld(seed));
  const rng = new SeededRng(seed);
  let refused = 0;
  const disturbed = runRandomWorld(seed, ({ world }) => {
    world.beforeTurn = (host) => {
      if (!chance(rng, 0.1)) return;
      const old = host.vswitch;
      const state = old.save();
      const before = structuredClone(state);
      host.replaceSwitch(state);
      expect(isDeepStrictEqual(structuredClone(state), before)).toBe(true);
      host.vswitch = old;
      refused++;
    };
  });
  expect(refused).toBeGreaterThan(5);
  expect(traceOf(disturbed)).toEqual(undisturbed);
});

it('the state of version 1 has this shape: another one is another version, and a transformation', async () => {
  const shapes = new Set<string>();
  runRandomWorld(1, ({ world }) => {
    world.beforeTurn = (host) => {
      for (const line of shapeOf(host.vswitch.save())) shapes.add(line);
    };
  });
  await expect(`${[...shapes].sort().join('\n')}\n`).toMatchFileSnapshot('snapshots/switch-state-1.txt');
});
