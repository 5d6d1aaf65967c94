// Fetches a Debian package and those of its dependencies that this machine lacks, and unpacks them into a folder.
// The system stays as it is: apt's lists, caches and logs are in a private folder, its hooks are cleared, nothing is
// installed, no service is started. Several processes may fetch at once; what is unpacked appears by one rename.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SelvageError } from '../src/base/errors.ts';
import { withLock } from './lock.ts';

const run = promisify(execFile);

const APT_TIMEOUT_MILLIS = 120_000;
const LOCK_TIMEOUT_MILLIS = 300_000;
const LISTS_STAY_FRESH_MILLIS = 24 * 3_600_000;

/** The folder in which `packageName` and its missing dependencies lie unpacked; fetched on the first call. */
export async function fetchPackage(
  packageName: string,
  cache: string,
  progress: (line: string) => void,
): Promise<string> {
  const target = unpackedFolder(packageName, cache);
  if (existsSync(target)) return target;
  return withLock(join(cache, 'apt.lock'), LOCK_TIMEOUT_MILLIS, async () => {
    if (existsSync(target)) return target;
    progress(`Fetching ${packageName} (kept in ${cache}; nothing is installed) …`);
    await fetchInto(target, packageName, cache);
    return target;
  });
}

export function unpackedFolder(packageName: string, cache: string): string {
  return join(cache, 'programs', packageName);
}

async function fetchInto(target: string, packageName: string, cache: string): Promise<void> {
  const apt = join(cache, 'apt');
  const archives = join(apt, 'archives');
  rmSync(archives, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'archives/partial'])
    mkdirSync(join(apt, folder), { recursive: true });
  const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: writeAptConfig(apt) };
  const stamp = join(apt, 'updated');
  const isFresh = existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < LISTS_STAY_FRESH_MILLIS;
  if (!isFresh) await update(stamp, env);
  // Lists that are read may be behind the archive by now: one more update before giving up.
  await download(packageName, env).catch(async (failure) => {
    if (!isFresh) throw failure;
    await update(stamp, env);
    await download(packageName, env);
  });
  await unpack(archives, target, env);
  rmSync(archives, { recursive: true, force: true });
}

/** apt reads APT_CONFIG first and `Dir::Etc::main` last, so hooks of the system's parts can be cleared in the latter. */
function writeAptConfig(apt: string): string {
  const main = join(apt, 'main.conf');
  const first = join(apt, 'first.conf');
  const hooks = ['APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke', 'APT::Update::Post-Invoke-Success'];
  const settings = {
    'Dir::State': apt,
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': apt,
    'Dir::Cache::archives': join(apt, 'archives'),
    'Dir::Log': apt,
    // As an ordinary user apt cannot take its locks, as root it need not become another user to write here.
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
  };
  const lines = [
    ...(existsSync('/etc/apt/apt.conf') ? ['#include "/etc/apt/apt.conf";'] : []),
    ...hooks.map((hook) => `#clear ${hook};`),
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
  ];
  writeFileSync(main, `${lines.join('\n')}\n`);
  writeFileSync(first, `Dir::Etc::main "${main}";\n`);
  return first;
}

/** Sources that cannot be reached are warnings to apt: the others may be enough, but the lists are not fresh then. */
async function update(stamp: string, env: NodeJS.ProcessEnv): Promise<void> {
  const warnings = await aptGet(['update'], env);
  if (!warnings.includes('Failed to fetch')) writeFileSync(stamp, '');
}

/** `--reinstall`: a package recorded as installed whose program is gone is fetched all the same. */
async function download(packageName: string, env: NodeJS.ProcessEnv): Promise<void> {
  const options = ['--yes', '--no-install-recommends', '--download-only', '--reinstall'];
  await aptGet(['install', ...options, packageName], env);
}

/** Returns what apt-get warned of. */
async function aptGet(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const options = { env, timeout: APT_TIMEOUT_MILLIS, maxBuffer: 1 << 24 };
    return (await run('apt-get', ['-q', ...args], options)).stderr;
  } catch (thrown) {
    throw new SelvageError('failed', `apt-get ${args[0]} failed: ${firstError(thrown)}`, { cause: thrown });
  }
}

function firstError(thrown: unknown): string {
  const { code, killed, stderr } = thrown as { code?: string | number; killed?: boolean; stderr?: string };
  if (code === 'ENOENT') return 'this system has no apt-get.';
  if (killed) return `it did not end within ${APT_TIMEOUT_MILLIS / 1000} s.`;
  const error = (stderr ?? '').split('\n').find((line) => line.startsWith('E:'));
  if (error === undefined) return String(thrown);
  const isUnknown = error.includes('Unable to locate');
  return `${error.slice(2).trim()}${isUnknown ? " (are apt's sources reachable from here?)." : ''}`;
}

async function unpack(archives: string, target: string, env: NodeJS.ProcessEnv): Promise<void> {
  // libc stays the system's: another one does not go with the system's dynamic loader.
  const files = readdirSync(archives).filter((name) => name.endsWith('.deb') && !name.startsWith('libc6_'));
  const programs = join(target, '..');
  mkdirSync(programs, { recursive: true });
  for (const name of readdirSync(programs)) {
    // Left by a fetch that was killed: we hold the lock, so nobody is filling it.
    if (name.startsWith('.unpacking-')) rmSync(join(programs, name), { recursive: true, force: true });
  }
  const temporary = mkdtempSync(join(programs, '.unpacking-'));
  for (const file of files) {
    await run('dpkg-deb', ['-x', join(archives, file), temporary], { env, timeout: APT_TIMEOUT_MILLIS });
  }
  renameSync(temporary, target);
}
