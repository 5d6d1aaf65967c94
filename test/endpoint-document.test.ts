// docs/endpoints.md is typed: its programs, and every member that it names in a sentence. That they run is shown by
// test/lab/endpoint-docs.test.ts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'docs/endpoints.md'), 'utf8');
const programs = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
const spans = [...text.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
const MEMBERS = `
  import { type Batch, type Endpoint, openEndpoint, type SendingFlow } from '@selvage/client/endpoint';
  declare const endpoint: Endpoint, flow: SendingFlow, batch: Batch;
  declare const to: string, timeoutMillis: number;
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-endpoint-document-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the compiler has against these modules. */
function complaints(...modules: readonly string[]): string {
  const files = modules.map((code, i) => {
    writeFileSync(join(folder, `module${i}.mts`), code);
    return `module${i}.mts`;
  });
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
  const compiler = join(root, 'node_modules/.bin/tsc');
  return spawnSync(compiler, [...options, ...files], { cwd: folder, encoding: 'utf8' }).stdout;
}

/** Expressions that the sentences name, with what they leave out added. */
const named = spans.flatMap((span) => {
  if (/^(endpoint|flow|batch)\.\w/.test(span)) return [span];
  if (span.startsWith('openFlow(')) return [`endpoint.${span}`];
  if (span.startsWith('openEndpoint(')) return [span.replace('…', "vnic: 'app0'")];
  return [];
});

test('programs and members are those of the package', () => {
  expect(programs.length).toBe(2);
  expect(named.length).toBeGreaterThan(8);
  const members = [MEMBERS, ...named.map((expression) => `void ${expression};`)].join('\n');
  expect(complaints(...programs, members)).toBe('');
});

test('what the package has not would be found', () => {
  expect(complaints(`${MEMBERS} void endpoint.counters.lost;`)).toContain("'lost' does not exist");
});
