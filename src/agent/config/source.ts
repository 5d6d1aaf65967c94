// The text of a file that a person named; what keeps it from being read, in words.
import { readFileSync } from 'node:fs';
import { SelvageError } from '../../base/errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'you may not read it',
};

/** Throws SelvageError 'bad-config' with `hint`. */
export function readSource(path: string, hint: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? SelvageError.from(cause).message;
    throw new SelvageError('bad-config', `${path} cannot be read: ${why}.`, { hint, cause });
  }
}
