// An algorithm's file as code that a thread can run: bundled with what it imports, and judged by what it exports.

import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { SelvageError } from '../../base/errors.ts';
import type { Algorithm } from '../../congestion/algorithm.ts';
import { bundleModule } from '../upgrades/module-bundle.ts';
import { isAlgorithmName } from './algorithm-name.ts';

export interface AlgorithmCode {
  /** The absolute path of the file that it was bundled from. */
  readonly file: string;
  /** The body of a CommonJS module. */
  readonly source: string;
}

/** Throws SelvageError with place and reason when it does not compile. */
export async function bundleAlgorithm(file: string): Promise<AlgorithmCode> {
  return { file, source: await bundleModule(file) };
}

/** Throws SelvageError when the module throws, or exports no algorithm. */
export function loadAlgorithm({ file, source }: AlgorithmCode): Algorithm {
  const module: { exports: { default?: unknown } } = { exports: {} };
  const script = new Script(`(function (module, exports, require) {${source}\n})`, {
    filename: `${file} (bundled)`,
  });
  try {
    (script.runInThisContext() as (...args: unknown[]) => void)(module, module.exports, createRequire(file));
  } catch (cause) {
    // Its own copy of this class, if it is one.
    const { hint } = (cause ?? {}) as { hint?: unknown };
    const { message } = SelvageError.from(cause);
    throw new SelvageError('bad-input', message, { cause, ...(typeof hint === 'string' && { hint }) });
  }
  const complaint = complaintAbout(module.exports.default);
  if (complaint === undefined) return module.exports.default as Algorithm;
  throw new SelvageError('bad-input', `it has no algorithm for its default export: ${complaint}`, {
    hint: 'It must be an object with `name` and `onCreate` (docs/congestion-plane.md).',
  });
}

function complaintAbout(exported: unknown): string | undefined {
  if (exported === undefined) return 'it exports nothing by default';
  if (typeof exported !== 'object' || exported === null)
    return `it is ${exported === null ? 'null' : typeof exported}`;
  const { name, onCreate, aggregateBy } = exported as Record<string, unknown>;
  if (!isAlgorithmName(name)) return 'its `name` is no word';
  if (typeof onCreate !== 'function') return 'it has no function `onCreate`';
  if (aggregateBy === undefined || typeof aggregateBy === 'function') return undefined;
  return 'its `aggregateBy` is no function';
}
