// The demo as a newcomer runs it, with fewer requests: what its table says whatever the machine, and that nothing is left.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeEach, expect, test } from 'vitest';
import type { Row, Told } from '../../bench/demo/story.ts';
import { namespacesWithPrefix } from '../../lab/namespaces.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { findProgram } from '../../lab/programs.ts';
import { netnsPrefix, readState, readStates } from '../../lab/state.ts';
import { eventually } from './eventually.ts';
import { needRights } from './rights.ts';

needRights();
beforeEach(async ({ skip }) => {
  for (const program of ['redis-server', 'redis-benchmark', 'nft']) {
    skip((await findProgram(program)) === undefined, `needs ${program}, which could not be fetched`);
  }
});

function startDemo(...options: string[]): ChildProcess {
  const program = join(packageRoot(), 'dist', 'selvage.js');
  return spawn(process.execPath, [program, 'demo', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** When it has made all of its namespaces, and agents run in them. */
function labOf(demo: ChildProcess): Promise<string> {
  return eventually('the demo’s lab', () => {
    const state = readStates().find(({ owner }) => owner?.pid === demo.pid);
    return state !== undefined && state.processes.length > 0 && state.name;
  });
}

function namespaceInodes(lab: string): number[] {
  return namespacesWithPrefix(netnsPrefix(lab)).map(inodeOf);
}

function inodeOf(name: string): number {
  return statSync(`/run/netns/${name}`, { throwIfNoEntry: false })?.ino ?? 0;
}

function processesIn(inode: number): string[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && networkOf(entry) === `net:[${inode}]`);
}

function networkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}

/**
 * Another test's lab may have taken the name by now, which has a state before its first namespace and until after its last,
 * or the numbers of namespaces, of which it then has one.
 */
function expectNothingLeft(demo: ChildProcess, lab: string, inodes: readonly number[]): void {
  expect(inodes.length).toBeGreaterThan(0);
  const before = readState(lab);
  const namespaces = namespacesWithPrefix(netnsPrefix(lab));
  const after = readState(lab);
  const processes = inodes.filter((inode) => processesIn(inode).length > 0);
  const others = new Set(namespacesWithPrefix('').map(inodeOf));
  for (const state of [before, after]) expect(state?.owner?.pid).not.toBe(demo.pid);
  if (before === undefined && after === undefined) expect(namespaces).toEqual([]);
  expect(processes.filter((inode) => !others.has(inode))).toEqual([]);
}

function ended(demo: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => demo.on('close', (code, signal) => resolve(code ?? signal!)));
}

test('tells its story: over Selvage every request is answered, whatever happens to the network', async () => {
  const demo = startDemo('--quick', '--json');
  const end = ended(demo);
  const [stdout, stderr] = [text(demo.stdout!), text(demo.stderr!)];
  const lab = await labOf(demo);
  const inodes = namespaceInodes(lab);
  expect(await end, await stderr).toBe(0);
  expectNothingLeft(demo, lab, inodes);

  const { rows, quick }: Told = JSON.parse(await stdout);
  expect(quick).toBe(true);
  expect(rows.map(({ situation, peer }) => `${situation} ${peer}`)).toEqual([
    'healthy kernelVxlan',
    'healthy selvage',
    'loss kernelVxlan',
    'loss selvage',
    'silent-spine kernelVxlan',
    'silent-spine selvage',
  ]);
  for (const row of rows.filter(({ peer }) => peer === 'selvage')) expectNothingLost(row);
  for (const { situation, spine } of rows) {
    expect(spine).toEqual(situation === 'silent-spine' ? expect.stringMatching(/^spine[1-4]$/) : undefined);
  }
});

function expectNothingLost({ situation, load, watched, failed, longestGapMillis }: Row): void {
  expect(watched, situation).toBeGreaterThan(0);
  expect(failed, situation).toBe(0);
  expect(longestGapMillis, situation).toBeGreaterThan(0);
  expect(load?.requests, situation).toBeGreaterThan(0);
  expect(load!.requestsPerSecond, situation).toBeGreaterThan(0);
  expect(load!.p50Millis, situation).toBeLessThanOrEqual(load!.p99Millis);
  expect(load!.p99Millis, situation).toBeLessThanOrEqual(load!.maxMillis);
}

test('leaves nothing behind on Ctrl-C', async () => {
  const demo = startDemo('--quick');
  const end = ended(demo);
  const lab = await labOf(demo);
  const inodes = namespaceInodes(lab);
  demo.kill('SIGINT');
  expect(await end).toBe('SIGINT');
  expectNothingLeft(demo, lab, inodes);
});
