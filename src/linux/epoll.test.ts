// What an epoll takes from the system goes back when it is closed, once.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Epoll } from './epoll.ts';

const MANY = 200;

function held(): { readonly maps: number; readonly descriptors: number } {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n').length;
  return { maps, descriptors: readdirSync('/proc/self/fd').length };
}

test('is closed with its memory, and only once', () => {
  const before = held();
  const closed = Array.from({ length: MANY }, () => new Epoll());
  // The runtime maps a little, too.
  expect(held().maps).toBeGreaterThanOrEqual(before.maps + MANY / 2);
  for (const epoll of closed) epoll.close();
  const after = held();
  expect(after.descriptors).toBe(before.descriptors);
  expect(after.maps).toBeLessThan(before.maps + MANY / 2);
  const other = new Epoll();
  for (const epoll of closed) epoll.close();
  expect(other.wait(0)).toBe(0);
  other.close();
});
