// A paper that is not known, and a document that cannot be written again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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

test('nothing was measured before', async () => {
  const out = mkdtempSync(join(tmpdir(), 'selvage-paper-'));
  try {
    const running = runPaper('bifrost', { ...options, out, redraw: true });
    await expect(running).rejects.toMatchObject({
      code: 'bad-input',
      hint: expect.stringContaining('Measure first'),
    });
  } finally {
    rmSync(out, { recursive: true });
  }
});
