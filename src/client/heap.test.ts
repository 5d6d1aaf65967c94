// A heap whose session was closed: its descriptors' numbers may be others' by now, so nothing is done with them.
import { expect, test } from 'vitest';
import { SelvageError } from '../base/errors.ts';
import { twoSides } from '../runtime/shm/halves.testing.ts';
import { SEGMENT_BYTES } from '../runtime/shm/slab.ts';
import type { Control } from './control.ts';
import { ClientHeap } from './heap.ts';

const SHAPE = { flows: 1, recordWords: 4, records: 8 };
const closed = new SelvageError('not-running', 'This session was closed.');

/** What a heap does with its session's descriptors, in words. */
function heapOf() {
  const done: string[] = [];
  const control = {
    send: ({ type }: { type: string }) => done.push(type),
    next: () => {
      done.push('next');
      return 'none';
    },
  } as unknown as Control;
  const wake = { client: () => {}, agent: () => done.push('wake') };
  const { client, agent } = twoSides(SHAPE, wake);
  const heap = new ClientHeap(client, control, 0, () => {});
  heap['own'].addSegment(new Uint8Array(SEGMENT_BYTES));
  return { heap, agent, done };
}

test.each<[string, string, (heap: ClientHeap) => void]>([
  ['alloc', 'grow', (heap) => heap.alloc(SEGMENT_BYTES)],
  ['received', 'next', (heap) => heap.received(SEGMENT_BYTES, 1)],
  ['giveBack', 'wake', (heap) => heap.giveBack(0)],
])('%s asks for nothing any more', (_, what, use) => {
  const { heap, agent, done } = heapOf();
  heap.alloc(1);
  agent.returns.arm();
  agent.sleep();
  try {
    use(heap);
  } catch {}
  expect(done).toContain(what);
  agent.returns.arm();
  agent.sleep();
  done.length = 0;
  heap.close(closed);
  expect(() => use(heap)).toThrow(closed);
  expect(done).toEqual([]);
});

test('blocks stay what they were, and can be freed', () => {
  const { heap } = heapOf();
  const address = heap.alloc(5);
  heap.view(address, 5).fill(9);
  heap.close(closed);
  expect([...heap.view(address, 5)]).toEqual([9, 9, 9, 9, 9]);
  heap.free(address);
});

test('a view is of a block in use, from its beginning on', () => {
  const { heap } = heapOf();
  const address = heap.alloc(100);
  expect(heap.view(address, 128).length).toBe(128);
  for (const [at, length] of [
    [address, 129],
    [address + 64, 1],
    [-1, 0],
  ] as const) {
    expect(() => heap.view(at, length)).toThrow(`no such block at ${at}`);
  }
  heap.free(address);
  expect(() => heap.view(address, 0)).toThrow('no such block');
});
