// Memory that cannot be sealed is nobody's: not mapped, and its descriptor closed.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { createShared } from './shared-memory.ts';

vi.mock('./libc.ts', async (original) => ({ ...(await original<object>()), fcntl: () => -1 }));

test('that cannot be sealed goes back', () => {
  const before = readdirSync('/proc/self/fd').length;
  expect(() => createShared('selvage-unsealed', 4096, 'us')).toThrow('Could not seal shared memory');
  expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('selvage-unsealed');
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});
