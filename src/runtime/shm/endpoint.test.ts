// Doorbells (Backdraft §4.1): nobody sleeps while there is something for it, and nobody is woken who is awake.
import { expect, test } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, type Rng, SeededRng } from '../../base/rng.ts';
import type { Endpoint } from './endpoint.ts';
import { twoSides } from './halves.testing.ts';

const SHAPE = { flows: 3, recordWords: 1, records: 8 };
const words = new Uint32Array(8);

/** Whether a doorbell waits. */
function isRung(endpoint: Endpoint): boolean {
  return endpoint['bellsIn'].available() > 0;
}

class Side {
  readonly endpoint: Endpoint;
  isAsleep = false;
  /** It said that it sleeps, and was not woken for it yet. */
  hasArmed = false;
  sent = 0;
  received = 0;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  /** One thing that a side may do while it is awake. */
  act(rng: Rng): void {
    const flow = this.endpoint.flows[below(rng, SHAPE.flows)]!;
    const n = 1 + below(rng, 8);
    switch (below(rng, 4)) {
      case 0:
        this.sent += flow.push(words, n);
        break;
      case 1:
        this.received += flow.pop(words, n);
        break;
      case 2:
        this.endpoint.listen();
        break;
      default:
        this.isAsleep = this.sleep();
    }
  }

  /** As clients and the agent do it: all flows that are awake are armed, then the doorbells. */
  private sleep(): boolean {
    const { endpoint } = this;
    for (let i = 0; i < SHAPE.flows; i++) {
      if (!endpoint.isAwake(i)) continue;
      const flow = endpoint.flows[i]!;
      if (!flow.arm() || (flow.short && !flow.armRoom())) return false;
      endpoint.rest(i);
    }
    this.hasArmed = true;
    return endpoint.sleep();
  }

  /** Whether something has come that it does not know of. */
  hasNews(): boolean {
    return this.endpoint.flows.some(
      (flow, i) => !this.endpoint.isAwake(i) && flow.available() > 0 && !isRung(this.endpoint),
    );
  }
}

itForSeeds('no wake-up is lost, and each sleep is ended by one at most', 100, (seed) => {
  const rng = new SeededRng(seed);
  const sides: Side[] = [];
  const wake = (index: number) => () => {
    expect(sides[index]!.hasArmed, 'who is woken said that it sleeps').toBe(true);
    sides[index]!.hasArmed = false;
    sides[index]!.isAsleep = false;
  };
  const { client, agent } = twoSides(SHAPE, { client: wake(0), agent: wake(1) });
  sides.push(new Side(client), new Side(agent));
  for (let step = 0; step < 500; step++) {
    const side = sides[below(rng, 2)]!;
    if (side.isAsleep) {
      expect(isRung(side.endpoint), 'a doorbell while it sleeps').toBe(false);
      expect(side.hasNews(), 'records while it sleeps').toBe(false);
      if (sides.every(({ isAsleep }) => isAsleep)) side.isAsleep = false;
    } else side.act(rng);
  }
  for (const { endpoint } of sides) expect(endpoint.health.fault).toBe('none');
});

test('while both sides are awake there are neither doorbells nor wake-ups', () => {
  const wakes: string[] = [];
  const { client, agent } = twoSides(SHAPE, {
    client: () => wakes.push('client'),
    agent: () => wakes.push('agent'),
  });
  for (let i = 0; i < 100; i++) {
    client.flows[0]!.push(words, 5);
    agent.flows[0]!.pop(words, 5);
  }
  expect(agent.listen()).toBe(0);
  expect(wakes).toEqual([]);
});

test('a flow that rests rings once, and a side that sleeps is woken once', () => {
  let wakes = 0;
  const { client, agent } = twoSides(SHAPE, { client: () => {}, agent: () => wakes++ });
  for (let flow = 0; flow < SHAPE.flows; flow++) {
    expect(agent.flows[flow]!.arm()).toBe(true);
    agent.rest(flow);
  }
  expect(agent.sleep()).toBe(true);
  for (let i = 0; i < 4; i++) client.flows[1]!.push(words, 1);
  client.flows[2]!.push(words, 1);
  expect(wakes).toBe(1);
  expect(agent.awakeFlows).toBe(0);
  expect(agent.listen()).toBe(2);
  expect([0, 1, 2].map((flow) => agent.isAwake(flow))).toEqual([false, true, true]);
});

test('who waits for room is rung when half of the ring is free, not before', () => {
  const { client, agent } = twoSides(SHAPE);
  expect(client.flows[0]!.push(words, 8)).toBe(8);
  expect(client.flows[0]!.push(words, 1)).toBe(0);
  expect(client.flows[0]!.armRoom()).toBe(true);
  client.rest(0);
  agent.flows[0]!.pop(words, 3);
  expect(client.listen()).toBe(0);
  agent.flows[0]!.pop(words, 1);
  expect(client.listen()).toBe(1);
  expect(client.isAwake(0)).toBe(true);
});

test('a doorbell for no flow is a fault', () => {
  const { agent, clientHalf } = twoSides({ flows: 1, recordWords: 1, records: 2 });
  // The doorbell ring is the first in the layout: its index, and behind four lines its first record.
  clientHalf.u32[128] = 77;
  clientHalf.u32[0] = 1;
  agent.listen();
  expect(agent.health.fault).toBe('badDoorbell');
});
