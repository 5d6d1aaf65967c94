import { expect, test } from 'vitest';
import { Bell, newBellMemory } from './bell.ts';

test('a call that came before anyone waited is heard, and so is one that comes while somebody waits', async () => {
  const memory = newBellMemory();
  const [caller, waiter] = [new Bell(memory), new Bell(memory)];
  const before = waiter.calls;
  caller.ring();
  await waiter.heard(before);
  const heard = waiter.heard(waiter.calls).then(() => waiter.calls);
  caller.ring();
  expect(await heard).toBe(before + 2);
});

test('who waits for a bell that is rung all the time lets other events go on', async () => {
  const bell = new Bell(newBellMemory());
  let isOver = false;
  setImmediate(() => {
    isOver = true;
  });
  let turns = 0;
  for (; !isOver && turns < 100; turns++) {
    const seen = bell.calls;
    bell.ring();
    await bell.heard(seen);
  }
  expect(turns).toBeLessThan(100);
});

test('who waits for so long at most waits no longer', async () => {
  const bell = new Bell(newBellMemory());
  await bell.heard(bell.calls, 1);
  expect(bell.calls).toBe(0);
});
