// The rig: everything that is sent arrives, in its own queue; and what modes are compared by.
import { expect, test } from 'vitest';
import { BACKPRESSURE } from '../../peers/queue-modes.ts';
import { turnover } from './active-flows.ts';
import { bursts } from './bursts.ts';
import { Rig } from './rig.ts';

test('every frame reaches its flow’s queue', () => {
  const read: number[] = [];
  const rig = new Rig({}, { queues: 100, onRead: (flow) => read.push(flow) });
  for (let flow = 0; flow < 100; flow++) rig.sender.send(flow);
  for (let now = 0; read.length < 100 && now < 1000; now += 10) {
    rig.vswitch.run(now);
    rig.receiver.read(1000);
  }
  expect(read.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, flow) => flow));
  expect([rig.receiver.collisions, rig.drops]).toEqual([0, 0]);
});

test('flows that come and go share no queue, and leave no ring behind', () => {
  const { collisions, drops, mostBytes } = turnover(1000, 100, 8, 5);
  expect([collisions, drops, mostBytes]).toEqual([0, 0, 100 * 512]);
});

test('nothing is lost in bursts, whoever is paused', () => {
  for (const queues of [{}, BACKPRESSURE.queues]) {
    const { drops, delivered } = bursts(queues, 512, 50);
    expect(drops).toBe(0);
    expect(delivered).toBeGreaterThan(0.5);
  }
});
