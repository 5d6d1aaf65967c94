// Whatever happens to frames and packets, every one is accounted for at any time, and no reference is left over when
// nothing is on its way: random traffic of all kinds between three hosts, under faults, with tenants that stop taking.

import { expect, it } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { runRandomWorld } from '../../test/vswitch/random-world.ts';
import type { SwitchCounters } from './drops.ts';

function run(seed: number, seen: Map<string, number>): void {
  const { hosts } = runRandomWorld(
    seed,
    () => {},
    (world) => {
      for (const { vswitch } of world.hosts) checkConservation(vswitch);
    },
  );
  for (const { vswitch, region } of hosts) {
    checkIdle(vswitch, region);
    note(vswitch.counters, seen);
  }
}

function note({ dropped, ...counters }: SwitchCounters, seen: Map<string, number>): void {
  for (const [name, count] of Object.entries({ ...counters, ...dropped })) {
    seen.set(name, (seen.get(name) ?? 0) + count);
  }
}

const seen = new Map<string, number>();

itForSeeds('every frame and packet is accounted for', 8, (seed) => run(seed, seen));

it('the traffic of those runs went every way', (context) => {
  if (process.env['SELVAGE_SEED'] !== undefined) context.skip('only one seed was run');
  // What needs a region without memory, a peer that is given up, a stranger, several threads, or a failure has tests of its
  // own.
  const elsewhere = [
    'noMemory',
    'queueFull',
    'noRing',
    'inputFull',
    'returned',
    'unknownVtep',
    'routeProbe',
    'vnicFull',
    'noReceiveRing',
    'tooLong',
  ];
  // Of endpoints: offload-frames.test.ts, threads.test.ts.
  elsewhere.push('fromThreads', 'cutFrames', 'badOffload', 'noCutMemory');
  elsewhere.push('handedOver', 'packetCopies', 'handoverFull');
  elsewhere.push('interruptedFrames', 'interruptedPackets', 'interruptedDeliveries');
  for (const [name, count] of seen) if (!elsewhere.includes(name)) expect(count, name).toBeGreaterThan(0);
});
