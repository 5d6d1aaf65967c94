// From the file that a person names to one piece of code: esbuild puts it and everything it imports together, so that each
// upgrade is new code from top to bottom. `selvage/switch-engine` and `selvage/clients-engine` are the engines of this
// package, and `selvage/congestion` is what its algorithms are made of, wherever the file lies.

import { fileURLToPath } from 'node:url';
import type { BuildFailure } from 'esbuild';
import { SelvageError } from '../../base/errors.ts';

/** What this package offers to modules of engines and algorithms. */
const OFFERED = Object.fromEntries(
  ['switch-engine', 'clients-engine', 'congestion'].map((name) => [
    `selvage/${name}`,
    fileURLToPath(new URL(`./${name}.js`, import.meta.url)),
  ]),
);

/** The body of a CommonJS module. Throws SelvageError. */
export async function bundleModule(file: string): Promise<string> {
  // It is needed here only, and starts a program of its own.
  const { build, stop } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      alias: OFFERED,
      logLevel: 'silent',
    });
    return outputFiles[0]!.text;
  } catch (failure) {
    throw explain(file, failure as BuildFailure);
  } finally {
    await stop();
  }
}

function explain(file: string, failure: BuildFailure): SelvageError {
  const [first] = failure.errors ?? [];
  if (first === undefined) return SelvageError.from(failure);
  const { location, text } = first;
  const where = location === null ? file : `${location.file}:${location.line}:${location.column + 1}`;
  return new SelvageError('bad-input', `${where}: ${text}`, { cause: failure });
}
