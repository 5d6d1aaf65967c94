// Builds dist/ when something that it is made of is newer: for `npm test` and its like, and as vitest's global set-up for
// tests that run what is in dist/. Imports nothing but Node's own modules until it builds, because nothing may be
// installed yet.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outputs = ['dist/selvage.js', 'dist/data-thread.js', 'src/client/dist/index.js'];
const inputs = [
  'src',
  'sim',
  'lab',
  'bench',
  'bpf/built',
  'package.json',
  'package-lock.json',
  'tools/build.mjs',
];

export async function freshDist() {
  const built = Math.min(...outputs.map(modifiedAt));
  if (built > Math.max(...inputs.map(newestIn))) return;
  const { buildDist } = await import('./build.mjs');
  await buildDist();
}

export { freshDist as setup };

/** Milliseconds since 1970, or 0 where there is no such file; `path` is from the package's root. */
export function modifiedAt(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestIn(path) {
  const full = join(root, path);
  if (!existsSync(full)) return 0;
  if (!statSync(full).isDirectory()) return modifiedAt(path);
  // What is built of @selvage/client lies beside its sources, and a folder is as new as what is built in it.
  const names = readdirSync(full).filter((name) => !/^(dist\b|node_modules$)/.test(name));
  const own = path === 'src/client' ? 0 : modifiedAt(path);
  return Math.max(own, ...names.map((name) => newestIn(join(path, name))));
}
