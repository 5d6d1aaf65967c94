import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { withLock } from './lock.ts';
import { pause, processId } from './process.ts';

const folder = mkdtempSync(join(tmpdir(), 'selvage-lock-'));
const path = join(folder, 'lock');
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('holds its holders apart, and lets each in', async () => {
  let inside = 0;
  let most = 0;
  const visits = Array.from({ length: 20 }, () =>
    withLock(path, 20_000, async () => {
      inside++;
      most = Math.max(most, inside);
      await pause(1);
      inside--;
    }),
  );
  await Promise.all(visits);
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test('is released when the work fails', async () => {
  const fail = withLock(path, 1000, () => Promise.reject(new Error('no')));
  await expect(fail).rejects.toThrow('no');
  expect(await withLock(path, 1000, async () => 'in')).toBe('in');
});

test('of a dead holder is taken over', async () => {
  mkdirSync(path, { recursive: true });
  // A pid beyond the kernel's largest, and our own pid with another start time: a pid that was used again.
  writeFileSync(join(path, '4194305.1.0'), '');
  expect(await withLock(path, 1000, async () => 'in')).toBe('in');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, `${process.pid}.1.0`), '');
  expect(await withLock(path, 1000, async () => 'in')).toBe('in');
});

test('of a live holder is waited for, in vain at last', async () => {
  mkdirSync(path, { recursive: true });
  const { pid, startTicks } = processId(process.pid)!;
  writeFileSync(join(path, `${pid}.${startTicks}.x`), '');
  await expect(withLock(path, 50, async () => 'in')).rejects.toMatchObject({ code: 'in-use' });
});
