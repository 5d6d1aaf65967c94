// A lock between processes that survives the death of its holder. The lock is a directory holding one file named
// after the holder; it appears with that file in it, by one rename, which succeeds only over nothing or over an
// empty directory. A dead holder's file is removed by its name, so a live holder's can never be removed by mistake.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SelvageError } from '../src/base/errors.ts';
import { isAlive, pause, processId } from './process.ts';

/** Runs `work` while this process holds the lock at `path`; waits at most `waitMillis` for another holder. */
export async function withLock<T>(path: string, waitMillis: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + waitMillis;
  let owner = tryTake(path);
  while (owner === undefined) {
    removeDeadHolder(path);
    if (performance.now() > deadline) {
      throw new SelvageError('in-use', `Another process has held ${path} for too long.`, {
        hint: 'Wait for it to end, or remove that directory if nothing is using it.',
      });
    }
    await pause(20);
    owner = tryTake(path);
  }
  try {
    return await work();
  } finally {
    rmSync(join(path, owner), { force: true });
    removeIfEmpty(path);
  }
}

// The number tells apart two holders within one process.
let taken = 0;

function tryTake(path: string): string | undefined {
  mkdirSync(dirname(path), { recursive: true });
  const self = processId(process.pid);
  const owner = `${process.pid}.${self?.startTicks}.${taken++}`;
  const prepared = mkdtempSync(`${path}.`);
  writeFileSync(join(prepared, owner), '');
  try {
    renameSync(prepared, path);
    return owner;
  } catch {
    rmSync(prepared, { recursive: true, force: true });
    return undefined;
  }
}

function removeDeadHolder(path: string): void {
  for (const owner of readNames(path)) {
    const [pid, startTicks] = owner.split('.').map(Number);
    if (pid === undefined || startTicks === undefined || isAlive({ pid, startTicks })) continue;
    rmSync(join(path, owner), { force: true });
  }
}

function readNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // The next holder is already in it, or removed it first.
  }
}
