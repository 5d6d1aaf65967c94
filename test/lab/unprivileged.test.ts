// A lab without root, where the system allows it: tried as the user nobody, with a /dev/net/tun that it may open, as
// most systems have it.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheFolder } from '../../lab/package-root.ts';
import { findProgram } from '../../lab/programs.ts';
import { TOOLS } from '../../lab/tools.ts';
import { needRights } from './rights.ts';

needRights();

const NOBODY = 65534;
const script = join(import.meta.dirname, 'unprivileged-lab.ts');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-nobody-'));
  chmodSync(folder, 0o777);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command as nobody, in a mount namespace where our node stands at /dev/net/tun. */
function asNobody(command: readonly string[]) {
  const tun = join(folder, 'tun');
  const become = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const words = [`mount --bind ${tun} /dev/net/tun && exec "$@"`, 'sh', ...become, ...command];
  const env = { ...process.env, HOME: folder, TMPDIR: folder, SELVAGE_CACHE: cacheFolder() };
  return promisify(execFile)('unshare', ['--mount', 'sh', '-c', ...words], { env, timeout: 60_000 });
}

test('comes up, has faults and goes', async ({ skip }) => {
  execFileSync('mknod', [join(folder, 'tun'), 'c', '10', '200']);
  chmodSync(join(folder, 'tun'), 0o666);
  // Root fetches what is missing; nobody may not write there.
  for (const program of [...TOOLS, 'ping']) await findProgram(program);
  const allowed = await asNobody(['unshare', '--user', '--map-root-user', '--net', 'cat', script]).then(
    () => asNobody(['sh', '-c', 'exec 3<>/dev/net/tun']).then(() => true),
    () => false,
  );
  skip(!allowed, 'this system allows nobody no user namespace, or no access to these files');
  const { stdout } = await asNobody([process.execPath, '--import', 'tsx', script]);
  expect(stdout).toBe('done\n');
});
