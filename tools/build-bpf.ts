// Compiles the eBPF programs of bpf/ into bpf/built/, which is kept in git: whoever runs Selvage needs no compiler. Beside
// them lies what they were made of, so that a test can tell when somebody forgot. The compiler is fetched where it is
// missing, always the same version, and gives the same bytes everywhere. `--check` compiles and compares.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProgramFile, requireProgram } from '../lab/programs.ts';
import { SelvageError } from '../src/base/errors.ts';

const sources = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bpf');
const built = join(sources, 'built');
const MANIFEST = 'sources.sha256';

/** Version 3 has 32-bit and atomic instructions; without the compiler's folder in it the debug data is the same anywhere. */
const FLAGS = [
  '--target=bpfel',
  '-mcpu=v3',
  '-O2',
  '-g',
  '-fdebug-compilation-dir=.',
  '-Wall',
  '-Wextra',
  '-Werror',
];
/** Callbacks are called with more than they need. */
const EXCEPTIONS = ['-Wno-unused-parameter'];

export const objects = readdirSync(sources)
  .filter((name) => name.endsWith('.bpf.c'))
  .map((name) => name.replace(/c$/, 'o'));

/** A line for each source, as sha256sum writes them. */
export function manifest(): string {
  const files = readdirSync(sources).filter((name) => /\.[ch]$/.test(name));
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(sources, name)))
      .digest('hex');
  return files
    .sort()
    .map((name) => `${hash(name)}  ${name}\n`)
    .join('');
}

/** Of what the objects in bpf/built were made. */
export function builtManifest(): string {
  return readFileSync(join(built, MANIFEST), 'utf8');
}

/** Objects that are not what their sources compile to. */
export async function staleObjects(): Promise<string[]> {
  const compiled = await compile();
  return objects.filter((name) => !compiled.get(name)!.equals(readFileSync(join(built, name))));
}

async function compile(): Promise<Map<string, Buffer>> {
  const clang = await requireProgram('clang-14');
  const strip = await requireProgram('llvm-strip-14');
  const folder = mkdtempSync(join(tmpdir(), 'selvage-bpf-'));
  try {
    const compiled = new Map<string, Buffer>();
    for (const name of objects) {
      const object = join(folder, name);
      await start(clang, [...FLAGS, ...EXCEPTIONS, '-c', name.replace(/o$/, 'c'), '-o', object]);
      // DWARF goes, BTF stays.
      await start(strip, ['--strip-debug', object]);
      compiled.set(name, readFileSync(object));
    }
    return compiled;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the compiler has to say goes to the terminal. */
async function start({ path, env }: ProgramFile, args: readonly string[]): Promise<void> {
  const child = spawn(path, args, { cwd: sources, env: { ...process.env, ...env }, stdio: 'inherit' });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new SelvageError('failed', `${basename(path)} ended with ${status}.`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--check')) {
    const stale = await staleObjects();
    for (const name of stale) console.error(`bpf/built/${name} is not what its source compiles to.`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const [name, bytes] of await compile()) writeFileSync(join(built, name), bytes);
    writeFileSync(join(built, MANIFEST), manifest());
  }
}
