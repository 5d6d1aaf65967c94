import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from './folders.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'selvage-folders-'));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a folder', () => {
  it('is made with those above it, once', () => {
    const path = join(root, 'a', 'b', 'c');
    makeFolder(path, 0o700);
    makeFolder(path, 0o700);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, 'a')).isDirectory()).toBe(true);
  });

  it('may be there by another name', () => {
    symlinkSync(root, join(root, 'same'));
    makeFolder(join(root, 'same'));
  });

  it.each(['/proc/selvage', '/proc/selvage/deep'])('is not made at %s, and that is said', (path) => {
    expect(() => makeFolder(path)).toThrow('ENOENT');
  });

  it('is not made where a file is, or below one', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolder(join(root, 'file'))).toThrow('EEXIST');
    expect(() => makeFolder(join(root, 'file', 'below'))).toThrow('ENOTDIR');
  });
});
