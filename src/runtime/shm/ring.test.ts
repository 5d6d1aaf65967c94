// Rings against a plain list, and against whatever a peer may write into its half (mRPC §3.4.2).
import { expect, test } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { Consumer } from './consumer.ts';
import { Health, halfOf } from './half.ts';
import { twoSides } from './halves.testing.ts';
import { layoutOf } from './layout.ts';
import { Producer } from './producer.ts';

/** A ring whose indices have counted up to `start`. */
function ring(recordWords: number, records: number, start = 0) {
  const layout = layoutOf({ flows: 1, recordWords, records });
  const [mine, theirs] = [
    halfOf(new ArrayBuffer(layout.halfBytes)),
    halfOf(new ArrayBuffer(layout.halfBytes)),
  ];
  const place = layout.flows[0]!;
  const health = new Health();
  const producer = new Producer(mine, theirs, place, health);
  const consumer = new Consumer(theirs, mine, place, health);
  Object.assign(producer as object, { tail: start, head: start });
  Object.assign(consumer as object, { tail: start, head: start });
  mine.u32[place.tail] = start;
  theirs.u32[place.head] = start;
  return { producer, consumer, health, place, producerHalf: mine, consumerHalf: theirs };
}

itForSeeds('a ring is a list of at most so many records', 40, (seed) => {
  const rng = new SeededRng(seed);
  const recordWords = 1 + below(rng, [4, 40, 700][below(rng, 3)]!);
  const records = 2 ** (1 + below(rng, 6));
  const { producer, consumer, health } = ring(recordWords, records, (2 ** 32 - below(rng, 200)) >>> 0);
  const list: number[] = [];
  const words = new Uint32Array(2 * records * recordWords);
  let next = 0;
  for (let step = 0; step < 300; step++) {
    const n = below(rng, 2 * records + 1);
    if (below(rng, 2) === 0) {
      for (let i = 0; i < n * recordWords; i++)
        words[i] = (next + Math.floor(i / recordWords)) * 31 + (i % recordWords);
      const taken = producer.push(words, n);
      expect(taken).toBe(Math.min(n, records - list.length));
      for (let i = 0; i < taken; i++) list.push(next++);
    } else {
      const count = consumer.pop(words, n);
      expect(count).toBe(Math.min(n, list.length));
      list.splice(0, count).forEach((number, i) => {
        for (let w = 0; w < recordWords; w += Math.max(1, recordWords - 1)) {
          expect(words[i * recordWords + w]).toBe(number * 31 + w);
        }
      });
    }
  }
  expect(health.fault).toBe('none');
});

test.each([
  ['ahead of what fits', 9],
  ['behind what was seen', 2 ** 32 - 1],
  ['half the range away', 2 ** 31],
])('a producer whose index is %s is not followed', (_, tail) => {
  const { consumer, health, place, producerHalf } = ring(4, 8);
  producerHalf.u32[place.tail] = tail;
  expect(consumer.pop(new Uint32Array(64), 16)).toBe(0);
  expect(health.fault).toBe('badIndex');
});

test('a producer that takes back what it published is not followed', () => {
  const { producer, consumer, health, place, producerHalf } = ring(1, 8);
  producer.push(new Uint32Array(5), 5);
  expect(consumer.pop(new Uint32Array(8), 2)).toBe(2);
  producerHalf.u32[place.tail] = 3;
  expect(consumer.pop(new Uint32Array(8), 8)).toBe(0);
  expect(health.fault).toBe('badIndex');
});

test.each([9, 2 ** 31, 2 ** 32 - 1])(
  'a consumer that says it took %i of eight records gets no more',
  (head) => {
    const { producer, health, place, consumerHalf } = ring(4, 8);
    producer.push(new Uint32Array(64), 8);
    expect(producer.push(new Uint32Array(64), 1)).toBe(0);
    consumerHalf.u32[place.head] = head;
    expect(producer.push(new Uint32Array(64), 1)).toBe(0);
    expect(health.fault).toBe('badIndex');
  },
);

itForSeeds('whatever a peer writes, nothing throws and nothing runs over', 60, (seed) => {
  const rng = new SeededRng(seed);
  const shape = { flows: 2, recordWords: 3, records: 8 };
  const { agent, clientHalf, agentHalf } = twoSides(shape);
  const before = agentHalf.u32.length;
  const dst = new Uint32Array(3 * 8 + 1).fill(7);
  for (let step = 0; step < 200; step++) {
    const word = below(rng, clientHalf.u32.length);
    clientHalf.u32[word] = below(rng, 3) === 0 ? rng.u32() : below(rng, 12);
    agent.listen();
    for (const flow of agent.flows) {
      const count = flow.pop(dst, 8);
      expect(count).toBeLessThanOrEqual(8);
      expect(flow.push(dst, 8)).toBeLessThanOrEqual(8);
      flow.arm();
      flow.armRoom();
    }
    expect(dst[24]).toBe(7);
  }
  expect(agentHalf.u32.length).toBe(before);
});
