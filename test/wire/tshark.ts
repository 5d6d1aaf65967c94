// Runs tshark with a Lua script, also a tshark that was unpacked into the cache instead of being installed. Such
// a one has two difficulties. Its init.lua is an absolute symbolic link that leads out of the cache, so the Lua
// files are gathered in a folder of their own. And as root it ignores WIRESHARK_DATA_DIR (and with it Lua), because
// it takes root for setuid: in a user namespace of its own it is nobody and may still read its files.

import { execFile } from 'node:child_process';
import { copyFileSync, lstatSync, mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProgramFile } from '../../lab/programs.ts';

const DATA_FOLDER = 'WIRESHARK_DATA_DIR';

function gatherLuaFiles(dataFolder: string, gathered: string): void {
  const root = dataFolder.slice(0, dataFolder.lastIndexOf('/usr/share/'));
  mkdirSync(gathered, { recursive: true });
  for (const name of readdirSync(dataFolder).filter((file) => file.endsWith('.lua'))) {
    const file = join(dataFolder, name);
    const target = lstatSync(file).isSymbolicLink() ? readlinkSync(file) : file;
    copyFileSync(target === file ? file : join(root, target), join(gathered, name));
  }
}

/** What it printed; rejects when it fails, and when it complains about the script. `scratch` is an empty folder. */
export async function runTshark(
  tshark: ProgramFile,
  script: string,
  options: readonly string[],
  scratch: string,
  timeout: number,
): Promise<string> {
  const command = [tshark.path, '-X', `lua_script:${script}`, ...options];
  const env: Record<string, string | undefined> = { ...process.env, ...tshark.env, HOME: scratch };
  const dataFolder = tshark.env[DATA_FOLDER];
  if (dataFolder !== undefined) {
    env[DATA_FOLDER] = join(scratch, 'lua');
    gatherLuaFiles(dataFolder, env[DATA_FOLDER]);
    if (process.getuid?.() === 0) command.unshift('unshare', '--user');
  }
  const [program, ...rest] = command as [string, ...string[]];
  const { stdout, stderr } = await promisify(execFile)(program, rest, { env, timeout, maxBuffer: 2 ** 24 });
  if (/\blua\b/i.test(stderr)) throw new Error(`tshark did not take the script: ${stderr}`);
  return stdout;
}
