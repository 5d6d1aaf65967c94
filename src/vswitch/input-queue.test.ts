// The queue that all vNICs have in front of the switch: order, room, and who loses when there is none.
import { expect, it } from 'vitest';
import { PieceList } from '../packet/pieces.ts';
import { InputQueue } from './input-queue.ts';

const BATCH = 64;
const ROOM = 1024;

/** A turn: vNIC 0 has a batch, vNIC 1 a few, and a batch leaves. */
function turn(queue: InputQueue, few: number, first: number, sink: (port: number, offset: number) => void) {
  const list = new PieceList(BATCH);
  for (let i = 0; i < BATCH; i++) list.push(first + i, 1);
  queue.push(0, list, undefined);
  list.clear();
  for (let i = 0; i < few; i++) list.push(first + BATCH + i, 1);
  queue.push(1, list, undefined);
  const released: number[] = [];
  queue.thin((offset) => released.push(offset));
  for (let left = BATCH; left > 0 && queue.count > 0; ) {
    list.clear();
    const port = queue.take(list, left);
    left -= list.count;
    for (let i = 0; i < list.count; i++) sink(port, list.words[i * 2]!);
  }
  return released;
}

it('keeps the order, and what it gives and drops is all that came', () => {
  let queue = new InputQueue(ROOM);
  const given: number[] = [];
  const dropped: number[] = [];
  for (let i = 0; i < 200; i++) {
    dropped.push(...turn(queue, 5, i * 100, (_, offset) => given.push(offset)));
    queue = new InputQueue(ROOM, structuredClone(queue.save()));
  }
  expect(given).toEqual([...given].sort((a, b) => a - b));
  const held: number[] = [];
  queue.eachHeld((offset) => held.push(offset));
  expect(held.length).toBe(ROOM - BATCH);
  expect(new Set([...given, ...dropped, ...held]).size).toBe(200 * (BATCH + 5));
});

it('drops everybody’s frames alike', () => {
  const queue = new InputQueue(ROOM);
  const few = 3;
  let ofFew = 0;
  let all = 0;
  for (let i = 0; i < 10_000; i++) {
    for (const offset of turn(queue, few, i * 100, () => {})) {
      all++;
      if (offset % 100 >= BATCH) ofFew++;
    }
  }
  const share = few / (BATCH + few);
  expect(ofFew / all).toBeGreaterThan(share * 0.9);
  expect(ofFew / all).toBeLessThan(share * 1.1);
});
