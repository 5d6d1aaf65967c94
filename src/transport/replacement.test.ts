// A transport that is replaced between any two turns, in networks that do everything to packets: not one packet more,
// less, other or at another time than without replacement.

import { expect } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import { Trace } from '../../sim/trace.ts';
import { passStorm, settle, trafficFor } from '../../test/support/random-network.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { chance, SeededRng } from '../base/rng.ts';

/** What was sent when, and how often a transport was replaced. */
function run(seed: number, replacementRate: number): { sent: string; replacements: number } {
  const rng = new SeededRng(seed);
  const traffic = trafficFor(seed, { startMicros: rng.u32(), hosts: { pairs: chance(rng, 0.3) ? 3 : 1 } });
  const { network } = traffic;
  const { clock, hosts } = network;
  const trace = new Trace();
  network.observe = (direction, slot, packet) => {
    let sum = packet.length;
    for (const byte of packet) sum = Math.imul(sum, 31) + byte;
    trace.note(clock.nowMicros, direction, slot, sum);
  };
  const replacer = new SeededRng(seed ^ 0x0dd);
  for (const host of hosts) host.replaces = () => replacementRate > 0 && chance(replacer, replacementRate);
  settle(traffic, 10_000);
  passStorm(traffic, rng);
  settle(traffic, 500_000);
  clock.runUntil(clock.nowMicros + 3_000_000);
  hosts.forEach(checkIdle);
  const replacements = hosts.reduce((sum, { counters }) => sum + counters.replacements, 0);
  return { sent: `${trace.events} ${trace.fingerprint}`, replacements };
}

itForSeeds('a replacement before any turn changes nothing', 120, (seed) => {
  const undisturbed = run(seed, 0);
  const disturbed = run(seed, 0.5);
  expect(disturbed.replacements).toBeGreaterThan(10);
  expect(disturbed.sent).toBe(undisturbed.sent);
});
