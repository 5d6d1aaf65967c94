// `npm test` when it does not come to its end, and what it leaves in temporary folders.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('an interrupted run says so, counts what had ended, and leaves nothing', async () => {
  const script = join(import.meta.dirname, 'setup.mjs');
  // One file that is done at once, and one that takes seconds.
  const files = ['src/transport/row-set.test.ts', 'src/transport/random-network.test.ts'];
  const child = spawn(process.execPath, [script, 'test', ...files], {
    env: { ...process.env, TMPDIR: folder, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = output.includes('row-set.test.ts');
    output += text;
    if (!before && output.includes('row-set.test.ts')) child.kill('SIGINT');
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect(output.trimEnd().split('\n').slice(-2)).toEqual([
    'Interrupted (SIGINT): only tests that had ended are counted.',
    '1 passed, 0 failed',
  ]);
  expect(status).toBe(130);
  expect(readdirSync(folder)).toEqual([]);
});

describe('what a run leaves', () => {
  /** Makes a folder for a run and ends without removing it. */
  function abandon(): string {
    const source = `
      import { makeScratch } from '${new URL('scratch.mjs', import.meta.url)}';
      console.log(makeScratch('${folder}'));
    `;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      encoding: 'utf8',
    });
    return stdout.trim();
  }

  test('is removed by the next when it was killed, and nothing else is', () => {
    const foreign = ['selvage-test-foreign', 'another'].map((name) => join(folder, name));
    for (const path of foreign) mkdirSync(path);
    const first = abandon();
    expect(existsSync(first)).toBe(true);
    const second = abandon();
    expect([first, second, ...foreign].map((path) => existsSync(path))).toEqual([false, true, true, true]);
  });
});
