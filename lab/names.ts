// Names that people type: when one is unknown, say which was probably meant.
import { nearest } from '../src/agent/config/unknown-fields.ts';
import { SelvageError } from '../src/base/errors.ts';

/** "did you mean host1?", or what there is to choose from. */
export function meant(typed: string, candidates: readonly string[]): string {
  const candidate = nearest(typed, candidates);
  return candidate === undefined ? `there are ${candidates.join(', ')}` : `did you mean ${candidate}?`;
}

export function unknownName(kind: string, typed: string, candidates: readonly string[]): SelvageError {
  const hint = meant(typed, candidates);
  return new SelvageError('bad-input', `There is no ${kind} ${typed}.`, {
    hint: `${hint.charAt(0).toUpperCase()}${hint.slice(1)}${hint.endsWith('?') ? '' : '.'}`,
  });
}
