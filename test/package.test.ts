// The package as a user gets it: packed from a copy of this tree (packing builds dist/ anew, which would pull it out
// from under other tests), installed in an empty folder, run from there.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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

/** Packs a package of a copy of this tree; packing builds it. */
function pack(copy: string, folder: string, into: string): Packed {
  const packed = run(join(copy, folder), 'npm', 'pack', '--json', '--pack-destination', into);
  expect(packed).toMatchObject({ exitCode: 0 });
  return JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[\n')))[0];
}

describe('the packed packages', () => {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const scratch = mkdtempSync(join(tmpdir(), 'selvage-package-'));
  const user = join(scratch, 'user');
  const application = join(scratch, 'application');
  let packed: Packed;
  let packedClient: Packed;

  beforeAll(() => {
    const copy = join(scratch, 'copy');
    cpSync(root, copy, { recursive: true, filter: (path) => !notCopied.has(relative(root, path)) });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    packed = pack(copy, '.', scratch);
    packedClient = pack(copy, 'src/client', scratch);

    mkdirSync(user);
    writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true }));
    const install = run(user, 'npm', 'install', '--prefer-offline', join(scratch, packed.filename));
    expect(install).toMatchObject({ exitCode: 0 });

    mkdirSync(application);
    writeFileSync(join(application, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const client = run(
      application,
      'npm',
      'install',
      '--prefer-offline',
      join(scratch, packedClient.filename),
    );
    expect(client).toMatchObject({ exitCode: 0 });
  }, 120_000);

  afterAll(() => rmSync(scratch, { recursive: true }));

  test('holds what runs, what explains it, and no sources', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'dist/selvage.js',
        'dist/data-thread.js',
        'dist/engine-trial.js',
        'dist/services-thread.js',
        'dist/switch-engine.js',
        'dist/clients-engine.js',
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
      'fft.js',
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

  test.each(['switch-engine', 'clients-engine'])('offers its %s to modules of engines', (name) => {
    const script = `import engine from 'selvage/${name}'; console.log(typeof engine.load, engine.version);`;
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

  describe('@selvage/client', () => {
    test('holds both parts with their types, and brings koffi alone', () => {
      expect(packedClient.files.map(({ path }) => path).sort()).toEqual([
        'README.md',
        expect.stringMatching(/^dist\/chunk-/),
        'dist/endpoint.d.ts',
        'dist/endpoint.js',
        'dist/index.d.ts',
        'dist/index.js',
        'package.json',
      ]);
      const installed = readdirSync(join(application, 'node_modules')).filter(
        (name) => !name.startsWith('.'),
      );
      expect(installed.filter((name) => !name.startsWith('@koromix'))).toEqual(['@selvage', 'koffi']);
    });

    test('is typed', () => {
      const use = (member: string) => `
        import { connect, type Session, SelvageError } from '@selvage/client';
        import { type Endpoint, openEndpoint } from '@selvage/client/endpoint';
        const session: Session = await connect({ service: 'echo', recordBytes: 16 });
        const taken: number = session.push(new Uint32Array(4), 1);
        if (session.ended instanceof SelvageError) console.log(session.ended.hint, taken, session.${member});
        const endpoint: Endpoint = await openEndpoint({ vnic: 'app0' });
        const sent: number = endpoint.openFlow({ to: '10.0.0.1:53' }).send(endpoint.newBatch(1));
        console.log(sent);
      `;
      writeFileSync(join(application, 'good.ts'), use('heap.alloc(100)'));
      writeFileSync(join(application, 'bad.ts'), use('heap.allocate(100)'));
      const options = [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--lib',
        'es2023,dom',
      ];
      const compile = (file: string) =>
        run(application, join(root, 'node_modules/.bin/tsc'), ...options, file);
      expect(compile('good.ts')).toMatchObject({ exitCode: 0, stdout: '' });
      expect(compile('bad.ts')).toMatchObject({
        stdout: expect.stringContaining("'allocate' does not exist"),
      });
    });

    test('talks to an agent, and says where there is none', async () => {
      const program = `
        import { connect, SelvageError } from '@selvage/client';
        import { openEndpointSync } from '@selvage/client/endpoint';
        try { openEndpointSync({ vnic: 'app0', socket: '/nowhere' }); } catch (error) {
          if (!(error instanceof SelvageError)) throw error;
        }
        try {
          const session = await connect({ service: 'echo', socket: process.argv[2], recordBytes: 4 });
          session.push(Uint32Array.of(4711), 1);
          await session.wait();
          const record = new Uint32Array(1);
          session.pop(record, 1);
          session.close();
          console.log(record[0]);
        } catch (error) { console.log(String(error)); }
      `;
      writeFileSync(join(application, 'main.js'), program);
      const socket = join(scratch, 'clients.sock');
      expect(run(application, 'node', 'main.js', socket).stdout).toMatch(/^No agent serves clients here: /);
      const script = join(user, 'node_modules/selvage/dist/ipc-agent.js');
      const agent = spawn(process.execPath, [script, scratch], { stdio: ['pipe', 'pipe', 'inherit'] });
      await new Promise((resolve) => agent.stdout.once('data', resolve));
      expect(run(application, 'node', 'main.js', socket)).toMatchObject({ exitCode: 0, stdout: '4711\n' });
      const ended = new Promise((resolve) => agent.once('close', resolve));
      agent.stdin.end();
      await ended;
    });
  });
});
