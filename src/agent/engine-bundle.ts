// From the file that a person names to a module that a thread can import: esbuild puts it and everything it imports into
// one file, so that each upgrade is new code from top to bottom. `selvage/switch-engine` is the engine of this package,
// wherever the file lies.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BuildFailure } from 'esbuild';
import { SelvageError } from '../base/errors.ts';
import { makeFolder } from './folders.ts';

/** What this package offers to modules of engines. */
const SWITCH_ENGINE = fileURLToPath(new URL('./switch-engine.js', import.meta.url));

let sequence = 0;

/** The bundle's file in `folder`, which is made. Throws SelvageError. */
export async function bundleEngine(file: string, folder: string): Promise<string> {
  // It is needed here only, and starts a program of its own.
  const { build } = await import('esbuild');
  const built = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    alias: { 'selvage/switch-engine': SWITCH_ENGINE },
    logLevel: 'silent',
  }).catch((failure: BuildFailure) => {
    throw explain(file, failure);
  });
  const [output] = Object.values(built.metafile.outputs);
  if (!output!.exports.includes('default')) {
    throw new SelvageError('bad-input', `${file} has no default export.`, {
      hint: 'It must be an engine factory: an object with `version` and `load` (docs/engines.md).',
    });
  }
  makeFolder(folder, 0o700);
  // Never the same name twice: a thread that imported it once would not look again.
  const bundle = join(folder, `${process.pid}-${++sequence}.mjs`);
  writeFileSync(bundle, built.outputFiles[0]!.contents, { mode: 0o600 });
  return bundle;
}

export function urlOf(bundle: string): string {
  return pathToFileURL(bundle).href;
}

function explain(file: string, failure: BuildFailure): SelvageError {
  const [first] = failure.errors ?? [];
  if (first === undefined) return SelvageError.from(failure);
  const { location, text } = first;
  const where = location === null ? file : `${location.file}:${location.line}:${location.column + 1}`;
  return new SelvageError('bad-input', `${where}: ${text}`, { cause: failure });
}
