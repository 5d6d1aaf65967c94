// The package as a user gets it: packed from a copy of this tree (packing builds dist/ anew, which would pull it out
// from under other tests), installed in an empty folder, run from there.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const notCopied = new Set(['.git', '.cache', 'node_modules', 'dist', 'src/client/dist']);

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

function run(cwd: string, program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return { exitCode: status, stdout, stderr };
}

describe('the packed package', () => {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const scratch = mkdtempSync(join(tmpdir(), 'selvage-package-'));
  const user = join(scratch, 'user');
  let packed: Packed;

  beforeAll(() => {
    const copy = join(scratch, 'copy');
    cpSync(root, copy, { recursive: true, filter: (path) => !notCopied.has(relative(root, path)) });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const pack = run(copy, 'npm', 'pack', '--json', '--pack-destination', scratch);
    expect(pack).toMatchObject({ exitCode: 0 });
    packed = JSON.parse(pack.stdout.slice(pack.stdout.indexOf('[\n')))[0];

    mkdirSync(user);
    writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true }));
    const install = run(user, 'npm', 'install', '--prefer-offline', join(scratch, packed.filename));
    expect(install).toMatchObject({ exitCode: 0 });
  }, 120_000);

  afterAll(() => rmSync(scratch, { recursive: true }));

  test('holds what runs, what explains it, and no sources', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'dist/selvage.js',
        'dist/data-thread.js',
        'dist/engine-trial.js',
        'dist/switch-engine.js',
        'README.md',
        'LICENSE',
        'package.json',
      ]),
    );
    expect(
      paths.filter((path) => !/^(dist|docs|examples)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(path)),
    ).toEqual([]);
    expect(packed.files.find(({ path }) => path === 'dist/selvage.js')!.mode & 0o111).toBe(0o111);
  });

  test('brings its dependencies, pinned, and nothing else', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual([
      'commander',
      'esbuild',
      'koffi',
      'valibot',
      'yaml',
    ]);
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      const installed: Manifest = JSON.parse(
        readFileSync(join(user, 'node_modules', name, 'package.json'), 'utf8'),
      );
      expect({ name, version: installed.version }).toEqual({ name, version });
    }
    expect(existsSync(join(user, 'node_modules/typescript'))).toBe(false);
  });

  test('selvage --version', () => {
    expect(run(user, 'npx', 'selvage', '--version')).toMatchObject({
      exitCode: 0,
      stdout: `${manifest.version}\n`,
    });
  });

  test('offers its switch to modules of engines', () => {
    const script =
      "import engine from 'selvage/switch-engine'; console.log(typeof engine.load, engine.version);";
    expect(run(user, process.execPath, '--input-type=module', '-e', script)).toMatchObject({
      exitCode: 0,
      stdout: 'function 1\n',
    });
  });

  test('selvage --help', () => {
    const { exitCode, stdout } = run(user, 'npx', 'selvage', '--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Usage: selvage /);
  });

  test('a command that does not exist fails', () => {
    expect(run(user, 'npx', 'selvage', 'fly')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining("unknown command 'fly'"),
    });
  });

  test('a command imports what it needs from dist', () => {
    const { exitCode, stderr } = run(user, 'npx', 'selvage', 'status', '--runtime-dir', scratch);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining('No agent runs on this host'),
    });
  });

  test('a reader that stops early is no error', () => {
    const script = 'set -o pipefail; npx selvage --help | head -1';
    expect(run(user, 'bash', '-c', script)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Usage/),
    });
  });
});
