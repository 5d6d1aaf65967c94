// The fetching of packages, with an apt-get of our own in place of the system's.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fetchPackage } from './apt.ts';

const path = process.env['PATH']!;
let folder: string;

beforeEach(({ skip }) => {
  skip(!path.split(delimiter).some((each) => existsSync(join(each, 'dpkg-deb'))), 'needs dpkg-deb');
  folder = mkdtempSync(join(tmpdir(), 'selvage-apt-'));
  mkdirSync(join(folder, 'bin'));
  process.env['PATH'] = `${join(folder, 'bin')}${delimiter}${path}`;
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true, force: true });
});

/** An apt-get that writes down what it was asked, and runs `script` where it downloads ($archives). */
function pretendApt(script: string): () => string[] {
  const calls = join(folder, 'calls');
  const lines = [
    '#!/bin/sh',
    `echo "$*" >> ${calls}`,
    // A package's own configuration is the last one that apt reads.
    `main=$(sed -n 's/^Dir::Etc::main "\\(.*\\)";/\\1/p' "$APT_CONFIG")`,
    `archives=$(sed -n 's/^Dir::Cache::archives "\\(.*\\)";/\\1/p' "$main")`,
    `case "$*" in *install*) ${script};; esac`,
  ];
  const file = join(folder, 'bin', 'apt-get');
  writeFileSync(file, `${lines.join('\n')}\n`);
  chmodSync(file, 0o755);
  return () => readFileSync(calls, 'utf8').trim().split('\n');
}

/** A package that holds one program. */
function buildPackage(): string {
  const root = join(folder, 'package');
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  mkdirSync(join(root, 'usr', 'bin'), { recursive: true });
  writeFileSync(join(root, 'usr', 'bin', 'hello'), 'hello');
  const control =
    'Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: test\n';
  writeFileSync(join(root, 'DEBIAN', 'control'), control);
  const file = join(folder, 'hello_1_all.deb');
  execFileSync('dpkg-deb', ['--build', root, file], { stdio: 'ignore' });
  return file;
}

test('a package is fetched once, also when several want it at the same time', async () => {
  const calls = pretendApt(`cp ${buildPackage()} "$archives"`);
  const cache = join(folder, 'cache');
  const told: string[] = [];
  const roots = await Promise.all(
    [1, 2, 3].map(() => fetchPackage('hello', cache, (line) => told.push(line))),
  );
  expect(new Set(roots).size).toBe(1);
  expect(readFileSync(join(roots[0]!, 'usr/bin/hello'), 'utf8')).toBe('hello');
  expect(calls().filter((call) => call.includes('install'))).toHaveLength(1);
  expect(told).toHaveLength(1);
});

test('apt keeps to its private folder and starts nothing', async () => {
  pretendApt(`cp ${buildPackage()} "$archives"; cp "$main" ${folder}/seen`);
  await fetchPackage('hello', join(folder, 'cache'), () => {});
  const seen = readFileSync(join(folder, 'seen'), 'utf8');
  for (const setting of [
    'Dir::State',
    'Dir::State::lists',
    'Dir::Cache',
    'Dir::Cache::archives',
    'Dir::Log',
  ]) {
    expect(seen).toContain(`${setting} "${folder}/cache`);
  }
  expect(seen).toContain('#clear APT::Update::Post-Invoke;');
});

test('lists that are behind are updated once more', async () => {
  const deb = buildPackage();
  const calls = pretendApt(
    `[ -e ${folder}/once ] && cp ${deb} "$archives" || { touch ${folder}/once; exit 100; }`,
  );
  const cache = join(folder, 'cache');
  mkdirSync(join(cache, 'apt'), { recursive: true });
  writeFileSync(join(cache, 'apt', 'updated'), '');
  await fetchPackage('hello', cache, () => {});
  expect(calls().map((call) => call.split(' ')[1])).toEqual(['install', 'update', 'install']);
});

test('a failure says what apt said and leaves nothing half unpacked', async () => {
  pretendApt('echo "E: Unable to locate package hello" >&2; exit 100');
  const cache = join(folder, 'cache');
  await expect(fetchPackage('hello', cache, () => {})).rejects.toThrow(
    'Unable to locate package hello (are apt',
  );
  expect(existsSync(join(cache, 'programs')) ? readdirSync(join(cache, 'programs')) : []).toEqual([]);
  expect(existsSync(join(cache, 'apt.lock'))).toBe(false);
});

test('what a killed fetch left is removed by the next', async () => {
  pretendApt(`cp ${buildPackage()} "$archives"`);
  const programs = join(folder, 'cache', 'programs');
  mkdirSync(join(programs, '.unpacking-abc'), { recursive: true });
  await fetchPackage('hello', join(folder, 'cache'), () => {});
  expect(readdirSync(programs)).toEqual(['hello']);
});
