import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closingLines } from './reporter.ts';

const root = join(import.meta.dirname, '..');

describe('closing lines', () => {
  test('counts stand last', () => {
    expect(closingLines({ passed: 3, failed: 1, skipped: [] })).toEqual(['3 passed, 1 failed']);
  });

  test('skipped tests are listed under their reason, and no more than five', () => {
    const skipped = [...'abcdefg'].map((name) => ({ name, reason: 'needs root' }));
    expect(
      closingLines({ passed: 3, failed: 0, skipped: [...skipped, { name: 'z', reason: 'no iperf3' }] }),
    ).toEqual([
      'skipped: needs root',
      ...['    a', '    b', '    c', '    d', '    e', '    and 2 more'],
      'skipped: no iperf3',
      '    z',
      '3 passed, 0 failed, 8 skipped',
    ]);
  });

  test('a run without tests says so', () => {
    expect(closingLines({ passed: 0, failed: 0, skipped: [] })).toEqual([
      'No test was run.',
      '0 passed, 0 failed',
    ]);
  });
});

// A real vitest on small files, because what it reports for broken files and hooks is its own affair.
describe('a real run', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selvage-reporter-'));
    writeFileSync(join(folder, 'vitest.config.mjs'), 'export default {};');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function outcomeOfRun(source: string): { ok: boolean; last: string | undefined; lines: string[] } {
    const outcomeFile = join(folder, 'outcome.json');
    writeFileSync(join(folder, 'sample.test.ts'), source);
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const args = [
      vitest,
      'run',
      '--globals',
      '--root',
      folder,
      `--reporter=${join(root, 'tools/reporter.ts')}`,
    ];
    spawnSync(process.execPath, args, { env: { ...process.env, SELVAGE_TEST_OUTCOME: outcomeFile } });
    const { ok, lines } = JSON.parse(readFileSync(outcomeFile, 'utf8')) as { ok: boolean; lines: string[] };
    return { ok, last: lines.at(-1), lines };
  }

  test('passed, failed and skipped tests', () => {
    const run = outcomeOfRun(`
      test('good', () => {});
      test('bad', () => expect(1).toBe(2));
      test('elsewhere', (context) => context.skip('needs root'));
    `);
    expect(run).toMatchObject({ ok: false, last: '1 passed, 1 failed, 1 skipped' });
    expect(run.lines).toContain('skipped: needs root');
  });

  test('a broken hook is a failure', () => {
    const source = `
      test('good', () => {});
      describe('suite', () => { beforeAll(() => { throw new Error('no'); }); test('never', () => {}); });
    `;
    expect(outcomeOfRun(source)).toMatchObject({ ok: false, last: '1 passed, 1 failed, 1 skipped' });
  });

  test('a file that does not load is a failure', () => {
    expect(outcomeOfRun("throw new Error('no');")).toMatchObject({ ok: false, last: '0 passed, 1 failed' });
  });

  test('an error outside of tests is a failure', () => {
    const source = "test('good', () => { Promise.reject(new Error('lost')); });";
    expect(outcomeOfRun(source)).toMatchObject({ ok: false, last: '1 passed, 1 failed' });
  });

  test('a good run', () => {
    expect(outcomeOfRun("test('good', () => {});")).toEqual({
      ok: true,
      last: '1 passed, 0 failed',
      lines: ['1 passed, 0 failed'],
    });
  });
});
