// Finds the real programs that the lab, the demo and the benchmarks run: those of the system first, else a Debian
// package unpacked in the cache and run from there, with the environment that only this program needs.
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SelvageError } from '../src/base/errors.ts';
import { fetchPackage } from './apt.ts';
import { cacheFolder } from './package-root.ts';

export interface ProgramFile {
  readonly path: string;
  /** To be added to the environment of this program alone; empty for the system's own programs. */
  readonly env: Readonly<Record<string, string>>;
  /** To stand before its own arguments. */
  readonly args?: readonly string[];
}

/** As root tcpdump becomes a user that only the package's installation makes. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { tcpdump: ['-Z', 'root'] };

const PACKAGE_OF: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  tc: 'iproute2',
  bridge: 'iproute2',
  ss: 'iproute2',
  nft: 'nftables',
  ethtool: 'ethtool',
  unshare: 'util-linux',
  ping: 'iputils-ping',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  iperf3: 'iperf3',
  nginx: 'nginx',
  ab: 'apache2-utils',
  mptcpize: 'mptcpize',
  'redis-server': 'redis-server',
  'redis-benchmark': 'redis-tools',
  'redis-cli': 'redis-tools',
  'ovs-vswitchd': 'openvswitch-switch',
  'ovsdb-server': 'openvswitch-switch',
  'ovsdb-tool': 'openvswitch-switch',
  'ovs-vsctl': 'openvswitch-switch',
  'ovs-appctl': 'openvswitch-switch',
  'ovs-ofctl': 'openvswitch-switch',
  'clang-14': 'clang-14',
  'llvm-strip-14': 'llvm-14',
};

const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const UNPACKED_FOLDERS = ['usr/sbin', 'usr/bin', 'sbin', 'bin', 'usr/lib/openvswitch-switch'];

type Search = { readonly program: ProgramFile } | { readonly missing: SelvageError };
const searches = new Map<string, Promise<Search>>();

/** The program, fetched where necessary (which is said, as it takes seconds); undefined where that cannot be done. */
export async function findProgram(
  name: string,
  progress?: (line: string) => void,
): Promise<ProgramFile | undefined> {
  const search = await searchOnce(name, progress);
  return 'program' in search ? search.program : undefined;
}

/** As findProgram, but a program that cannot be had is a 'no-program' error that says what to install. */
export async function requireProgram(name: string, progress?: (line: string) => void): Promise<ProgramFile> {
  const search = await searchOnce(name, progress);
  if ('missing' in search) throw search.missing;
  return search.program;
}

function searchOnce(name: string, progress: (line: string) => void = tellUser): Promise<Search> {
  let search = searches.get(name);
  if (search === undefined) {
    search = searchFor(name, progress);
    searches.set(name, search);
  }
  return search;
}

function tellUser(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function searchFor(name: string, progress: (line: string) => void): Promise<Search> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SYSTEM_FOLDERS];
  const installed = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (installed !== undefined) return { program: { path: installed, env: {} } };
  const packageName = PACKAGE_OF[name];
  if (packageName === undefined) {
    return { missing: new SelvageError('no-program', `The program ${name} is not installed.`) };
  }
  try {
    const root = await fetchPackage(packageName, cacheFolder(), progress);
    const unpacked = UNPACKED_FOLDERS.map((folder) => join(root, folder, name)).find(isExecutable);
    const args = ARGUMENTS[name] ?? [];
    if (unpacked !== undefined) return { program: { path: unpacked, env: environmentIn(root), args } };
    return { missing: missingProgram(name, packageName, `Debian's ${packageName} does not contain it.`) };
  } catch (thrown) {
    return { missing: missingProgram(name, packageName, SelvageError.from(thrown).message, thrown) };
  }
}

function missingProgram(name: string, packageName: string, why: string, cause?: unknown): SelvageError {
  const message = `The program ${name} is not installed and could not be fetched: ${why}`;
  const hint = `Install Debian's package ${packageName}: apt-get install ${packageName}`;
  return new SelvageError('no-program', message, { hint, cause });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Libraries and data folders that the programs would otherwise look for under /usr. tshark heeds its variable only
 * when it is run by an ordinary user with a group of its own, and runs Lua scripts only with it.
 */
function environmentIn(root: string): Record<string, string> {
  const env: Record<string, string> = {};
  const libraries = libraryFolders(root);
  if (libraries.length > 0) env['LD_LIBRARY_PATH'] = libraries.join(':');
  const data = { WIRESHARK_DATA_DIR: 'usr/share/wireshark', OVS_PKGDATADIR: 'usr/share/openvswitch' };
  for (const [variable, folder] of Object.entries(data)) {
    if (existsSync(join(root, folder))) env[variable] = join(root, folder);
  }
  return env;
}

function libraryFolders(root: string): string[] {
  const folders = ['usr/lib', 'lib'].map((folder) => join(root, folder)).filter(existsSync);
  const multiarch = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /-linux-gnu/.test(name))
      .map((name) => join(folder, name)),
  );
  return [...multiarch, ...folders];
}
