// Making a folder with those above it. Node's own recursive mkdir never returns where a file system takes no new folders
// and says that there is no such file, as /proc does.

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Does nothing when it is there; throws the system's error otherwise. */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && isFolder(path)) return;
    if (code !== 'ENOENT' || isFolder(dirname(path))) throw error;
    makeFolder(dirname(path), mode);
    mkdirSync(path, { mode });
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
