// An engine's code on its way from the thread that tries it to the one that runs it. Together with the source goes what V8
// made of it while it was tried: a thread that runs it next need not compile it function by function, while packets
// wait. And unlike an imported module, code that was replaced is collected.

import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { SelvageError } from '../../base/errors.ts';
import type { AnyFactory } from '../../runtime/engine.ts';

export interface EngineCode {
  /** The absolute path of the file that it was bundled from. */
  readonly file: string;
  /** The body of a CommonJS module. */
  readonly source: string;
  /** V8's code cache; absent: not compiled yet. */
  readonly compiled?: Uint8Array<ArrayBuffer>;
}

type ModuleFunction = (module: { exports: object }, exports: object, require: NodeJS.Require) => void;

/** Code that can be run; making it is the longer half of the work. */
export class CompiledEngine {
  private readonly file: string;
  private readonly source: string;
  private readonly script: Script;

  constructor({ file, source, compiled }: EngineCode) {
    this.file = file;
    this.source = source;
    // On one line with the source, so that its lines keep their numbers.
    this.script = new Script(`(function (module, exports, require) {${source}\n})`, {
      filename: `${file} (bundled)`,
      ...(compiled !== undefined && { cachedData: compiled }),
    });
  }

  /** Runs the module. Throws SelvageError when it throws, or exports no factory of engines. */
  factory(): AnyFactory {
    const module: { exports: { default?: unknown } } = { exports: {} };
    try {
      const run = this.script.runInThisContext() as ModuleFunction;
      run(module, module.exports, createRequire(this.file));
    } catch (cause) {
      const { message } = SelvageError.from(cause);
      throw new SelvageError('bad-input', `The module cannot be run: ${message}`, { cause });
    }
    const exported = module.exports.default;
    const complaint = complaintAbout(exported);
    if (complaint === undefined) return exported as AnyFactory;
    throw new SelvageError(
      'bad-input',
      `The module has no engine factory for its default export: ${complaint}.`,
      {
        hint: 'It must be an object with `version` and `load` (docs/engines.md).',
      },
    );
  }

  /** With all functions that have run until now. */
  save(): EngineCode {
    return { file: this.file, source: this.source, compiled: new Uint8Array(this.script.createCachedData()) };
  }
}

function complaintAbout(exported: unknown): string | undefined {
  if (exported === undefined) return 'it exports nothing by default';
  if (typeof exported !== 'object' || exported === null)
    return `it is ${exported === null ? 'null' : typeof exported}`;
  const { version, load, warmUp } = exported as Record<string, unknown>;
  if (!Number.isSafeInteger(version) || (version as number) < 1)
    return 'its `version` is no number from 1 on';
  if (typeof load !== 'function') return 'it has no function `load`';
  return warmUp === undefined || typeof warmUp === 'function' ? undefined : 'its `warmUp` is no function';
}
