// A paper that is not known, a document that cannot be written again, and results that are added to those there are.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPrivileged } from '../../lab/tools.ts';
import { runPaper } from './run.ts';

const options = { quick: true, json: false, out: undefined, redraw: false, only: undefined };

test.each([
  ['bifrst', 'There is no paper bifrst.', 'Did you mean bifrost?'],
  [undefined, 'No paper is named.', 'bifrost'],
])('%s', async (name, message, hint) => {
  const running = runPaper(name, options);
  await expect(running).rejects.toMatchObject({ message, hint: expect.stringContaining(hint) });
});

test('a benchmark that the paper does not have', async () => {
  const running = runPaper('bifrost', { ...options, only: ['state', 'redisloss'] });
  await expect(running).rejects.toMatchObject({
    message: 'There is no benchmark redisloss.',
    hint: expect.stringContaining('redis-loss'),
  });
});

test.each([
  ['nothing was measured before', undefined, 'Measure first'],
  ['what was measured before is broken', '{"paper":', 'Remove it'],
])('%s', async (_, text, hint) => {
  const out = mkdtempSync(join(tmpdir(), 'selvage-paper-'));
  try {
    if (text !== undefined) writeFileSync(join(out, 'bifrost.json'), text);
    const running = runPaper('bifrost', { ...options, out, redraw: true });
    await expect(running).rejects.toMatchObject({ code: 'bad-input', hint: expect.stringContaining(hint) });
  } finally {
    rmSync(out, { recursive: true });
  }
});

test('what is measured is kept beside what was, but for benchmarks that the paper has no more', async (context) => {
  context.skip(!isPrivileged(), 'needs root: the command would be run again in a user namespace');
  const out = mkdtempSync(join(tmpdir(), 'selvage-paper-'));
  const file = join(out, 'zooroute.json');
  const failed = { failure: 'There is no nginx.' };
  try {
    writeFileSync(file, JSON.stringify({ paper: 'zooroute', benches: { middlebox: failed, gone: failed } }));
    // The failure is another benchmark's, and of before.
    expect(await runPaper('zooroute', { ...options, out, only: ['path-table'] })).toBe(0);
    const { benches } = JSON.parse(readFileSync(file, 'utf8'));
    expect(benches).toEqual({ middlebox: failed, 'path-table': expect.objectContaining({ quick: true }) });
    expect(readFileSync(join(out, 'zooroute.md'), 'utf8')).toContain(failed.failure);
  } finally {
    rmSync(out, { recursive: true });
  }
});
