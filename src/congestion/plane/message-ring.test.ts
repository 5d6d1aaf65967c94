import { expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from './message-ring.ts';

itForSeeds('what is put in comes out whole and in order, and the rest is refused', 10, (seed) => {
  const rng = new SeededRng(seed);
  const memory = newRingMemory(8192);
  const [producer, consumer] = [new MessageRing(memory), new MessageRing(memory)];
  const expected: Uint8Array[] = [];
  const into = new Uint8Array(MAX_MESSAGE_BYTES);
  let passed = 0;
  for (let i = 0; i < 5000; i++) {
    if (chance(rng, 0.5)) {
      const message = Uint8Array.from({ length: below(rng, 700) }, () => below(rng, 256));
      if (producer.push(message, message.length)) expected.push(message);
    } else if (expected.length > 0) {
      const length = consumer.pop(into);
      expect(Buffer.compare(into.slice(0, length), expected.shift()!)).toBe(0);
      passed++;
    } else expect(consumer.pop(into)).toBe(0);
  }
  expect(passed).toBeGreaterThan(1000);
});

it('a consumer that has stopped costs refusals', () => {
  const ring = new MessageRing(newRingMemory(4096));
  const message = new Uint8Array(1000);
  const taken = Array.from({ length: 10 }, () => ring.push(message, message.length));
  expect(taken.filter(Boolean).length).toBe(4);
  expect(ring.refused).toBe(6);
  expect(ring.push(new Uint8Array(5000), 5000)).toBe(false);
});

it('another end over the same memory goes on where the last one was', () => {
  const memory = newRingMemory(4096);
  new MessageRing(memory).push(Uint8Array.of(1, 2, 3), 3);
  new MessageRing(memory).push(Uint8Array.of(4), 1);
  const into = new Uint8Array(MAX_MESSAGE_BYTES);
  expect(new MessageRing(memory).pop(into)).toBe(3);
  expect(new MessageRing(memory).pop(into)).toBe(1);
  expect(into[0]).toBe(4);
});

itForSeeds('a producer that writes what it likes is survived', 20, (seed) => {
  const rng = new SeededRng(seed);
  const memory = newRingMemory(4096);
  const words = new Uint32Array(memory);
  const ring = new MessageRing(memory);
  const into = new Uint8Array(MAX_MESSAGE_BYTES);
  for (let i = 0; i < 200; i++) {
    for (let n = 0; n < 5; n++) words[below(rng, words.length)] = below(rng, 2 ** 32);
    const length = ring.pop(into);
    expect(length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
  }
});
