// Names that what people and programs bring may not have.

import { SelvageError } from '../../base/errors.ts';
import { isNative } from '../../vswitch/config.ts';
import { isAlgorithmName } from './algorithm-name.ts';
import { isBuiltIn } from './built-in.ts';
import { CONFIGURED } from './rules.ts';

/** Throws SelvageError for what is no name, or belongs to Selvage. */
export function refuseTaken(name: string): void {
  if (!isAlgorithmName(name)) {
    throw new SelvageError('bad-input', `"${name}" is no name for an algorithm.`, {
      hint: 'It must be a word of at most 63 letters, digits, dots, dashes and underscores, a letter first.',
    });
  }
  if (!isNative(name) && !isBuiltIn(name) && name !== CONFIGURED) return;
  throw new SelvageError('bad-input', `${name} is the name of an algorithm that comes with Selvage.`, {
    hint: 'Give it another name; `selvage cc run` does with --name.',
  });
}
