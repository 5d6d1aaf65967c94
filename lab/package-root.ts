// Where the package lies (this file is either in lab/ or bundled into dist/) and where it may keep what it fetches.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!isSelvage(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function isSelvage(folder: string): boolean {
  const manifest = join(folder, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'selvage';
}

/** $SELVAGE_CACHE, else `.cache` in the package where that can be written, else the user's cache. */
export function cacheFolder(): string {
  const chosen = process.env['SELVAGE_CACHE'];
  if (chosen) return resolve(chosen);
  const root = packageRoot();
  return isWritable(root) ? join(root, '.cache') : join(homedir(), '.cache', 'selvage');
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
