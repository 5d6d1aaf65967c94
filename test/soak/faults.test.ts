// A long transfer between two tenants while the network under it breaks and heals at random and agents are killed:
// every byte arrives as it was sent. An agent comes back with one, two or three data threads. SELVAGE_SOAK_MINUTES says
// how long (10); SELVAGE_SEED repeats the faults.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConditionChange } from '../../lab/conditions.ts';
import { Lab } from '../../lab/lab.ts';
import { pause } from '../../lab/process.ts';
import { below, chance, SeededRng } from '../../src/base/rng.ts';
import { hasRights, needRights } from '../lab/rights.ts';
import { Transfer } from '../lab/transfer.ts';

needRights();

const MINUTES = Number(process.env['SELVAGE_SOAK_MINUTES'] ?? 10);
const SEED = Number(process.env['SELVAGE_SEED'] ?? Date.now() % 1_000_000);
/** A transfer of its own each so often: a digest that is wrong then points at few faults. */
const STEPS_OF_TRANSFER = 12;
/** These may only drop some packets; the links of one spine may die, which leaves three. */
const LOSSY = ['host1-leaf1', 'host3-leaf2', 'leaf1-spine3', 'leaf2-spine4'];
const MORTAL = ['leaf1-spine1', 'leaf2-spine1'];
const LINKS = [...LOSSY, ...MORTAL];
const HEALTHY: ConditionChange = { lossPpm: undefined, blackhole: undefined };

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await Lab.up();
  await lab.startAgents(['host1', 'host3']);
});
afterAll(() => lab?.down());

it(`loses and alters nothing in ${MINUTES} minutes of random faults (SELVAGE_SEED=${SEED})`, async () => {
  const rng = new SeededRng(SEED);
  const end = performance.now() + MINUTES * 60_000;
  while (performance.now() < end) {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant3');
    for (let step = 0; step < STEPS_OF_TRANSFER; step++) {
      await breakSomething(rng);
      await pause(below(rng, 400));
      await transfer.progress();
    }
    for (const link of LINKS) await lab.setLink(link, HEALTHY);
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  }
});

/** One link gets better or worse, or an agent is ended and started again. */
async function breakSomething(rng: SeededRng): Promise<void> {
  if (chance(rng, 0.1)) {
    const host = chance(rng, 0.5) ? 'host1' : 'host3';
    await lab.stopAgents([host]);
    await lab.startAgents([host], { threads: 1 + below(rng, 3) });
    return;
  }
  const link = LINKS[below(rng, LINKS.length)]!;
  if (chance(rng, 0.4)) await lab.setLink(link, HEALTHY);
  else if (MORTAL.includes(link)) await lab.setLink(link, { blackhole: chance(rng, 0.5) ? 'both' : 'a>b' });
  else await lab.setLink(link, { lossPpm: 1000 + below(rng, 50_000) });
}
