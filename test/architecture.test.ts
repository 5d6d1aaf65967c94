// Holds the order of folders, the purity of the lower ones, and ARCHITECTURE.md's list of folders.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { layers, lineCount, longFileLines, violations } from './architecture/rules.ts';
import { sourceFile, sourceFiles } from './architecture/sources.ts';

const root = join(import.meta.dirname, '..');
const opening = '// What it is for.\n';

/** What the rules say about one file; the sample opens with the comment that every file needs. */
function complaints(path: string, source: string): string[] {
  return violations(sourceFile(path, opening + source));
}

describe('this repository', () => {
  const files = sourceFiles(root);

  test('keeps the rules', () => {
    expect(files.length).toBeGreaterThan(10);
    expect(files.flatMap(violations)).toEqual([]);
  });

  test('has few long files', () => {
    const long = files.filter((file) => lineCount(file) > longFileLines);
    if (long.length > 0) {
      const names = long.map((file) => `  ${file.path}: ${lineCount(file)}`);
      console.warn(
        `${long.length} of ${files.length} files have more than ${longFileLines} lines:\n${names.join('\n')}`,
      );
    }
    expect(long.length).toBeLessThan(files.length / 10);
  });

  test('ARCHITECTURE.md lists exactly the folders that have something in them', () => {
    const listed = foldersIn(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'));
    for (const folder of listed) {
      expect(
        existsSync(join(root, folder)) && readdirSync(join(root, folder)),
        `${folder} is empty`,
      ).not.toEqual([]);
    }
    const present = readdirSync(join(root, 'src')).filter(
      (name) => readdirSync(join(root, 'src', name)).length > 0,
    );
    expect(listed.filter((folder) => folder.startsWith('src/')).sort()).toEqual(
      present.map((name) => `src/${name}`).sort(),
    );
    expect(layers).toEqual(expect.arrayContaining(listed.filter((folder) => folder.startsWith('src/'))));
  });
});

/** The folders named at the line starts of the first listing; those indented are under src/. */
function foldersIn(markdown: string): string[] {
  const listing = /```\n([\s\S]*?)```/.exec(markdown)?.[1] ?? '';
  return [...listing.matchAll(/^( *)([\w.-]+)\/ /gm)].map(([, indent, name]) =>
    indent === '' ? name! : `src/${name}`,
  );
}

describe('the listing', () => {
  test('is read with its indentation', () => {
    expect(foldersIn('```\nsrc/ ours\n  wire/  headers\n  ── pure/ ──\nlab/   a cloud\n```\n')).toEqual([
      'src',
      'src/wire',
      'lab',
    ]);
  });
});

describe('imports', () => {
  test.each([
    ['src/transport/a.ts', "import { b } from '../wire/b.ts';"],
    ['src/transport/a.ts', "import type { B } from './b.ts';"],
    ['src/agent/a.ts', "import { readFileSync } from 'node:fs';\nimport { parseDocument } from 'yaml';"],
    ['src/linux/a.ts', "import koffi from 'koffi';"],
    ['src/cli/a.ts', "const { up } = await import('../../lab/up.ts');"],
    ['sim/a.ts', "import { MemoryDevice } from '../src/device/memory.ts';"],
    ['sim/fabric/a.ts', "import type { Topology } from '../../lab/topology.ts';"],
    ['lab/a.ts', "spawn(node, ['--import', loader, 'koffi'])"],
    ['src/wire/a.test.ts', "import fc from 'fast-check';\nimport { test } from 'vitest';"],
  ])('allowed: %s %s', (path, source) => {
    expect(complaints(path, source)).toEqual([]);
  });

  test.each([
    ['src/wire/a.ts', "import { b } from '../transport/b.ts';", 'src/wire may not import src/transport/b.ts'],
    ['src/wire/a.ts', "import type { B } from '../agent/b.ts';", 'src/wire may not import src/agent/b.ts'],
    ['src/wire/a.ts', "export * from '../vswitch/b.ts';", 'src/wire may not import src/vswitch/b.ts'],
    [
      'src/wire/a.ts',
      "import {\n  b,\n  c,\n} from '../paths/b.ts';",
      'src/wire may not import src/paths/b.ts',
    ],
    ['src/wire/a.ts', "import '../device/b.ts';", 'src/wire may not import src/device/b.ts'],
    ['src/wire/a.ts', "import { readFileSync } from 'node:fs';", 'src/wire is pure and imports node:fs'],
    ['src/wire/a.ts', "import { readFileSync } from 'fs';", 'src/wire may not import the package fs'],
    ['src/wire/a.ts', "import * as v from 'valibot';", 'src/wire may not import the package valibot'],
    ['src/device/a.ts', "import koffi from 'koffi';", 'src/device may not import the package koffi'],
    ['src/agent/a.ts', "type T = import('../cli/b.ts').T;", 'src/agent may not import src/cli/b.ts'],
    ['src/agent/a.ts', "import { up } from '../../lab/up.ts';", 'src/agent may not import lab/up.ts'],
    ['src/agent/a.ts', "import { b } from './b.test.ts';", 'imports the test src/agent/b.test.ts'],
    ['sim/a.ts', "import { Udp } from '../src/device/udp.ts';", 'sim may not import src/device/udp.ts'],
    ['sim/a.ts', "import { Lab } from '../lab/lab.ts';", 'sim may not import lab/lab.ts'],
    ['lab/a.ts', "import { main } from '../src/cli/main.ts';", 'lab may not import src/cli/main.ts'],
    ['src/stray/a.ts', '', 'src/stray has no place in the order of folders (test/architecture/rules.ts)'],
  ])('forbidden: %s %s', (path, source, complaint) => {
    expect(complaints(path, source)).toEqual([`${path}: ${complaint}`]);
  });
});

describe('purity', () => {
  test.each([
    ['Date.now()', 'Date'],
    ['new Date()', 'Date'],
    ['performance.now()', 'performance'],
    ['Math.random()', 'Math.random'],
    ['setTimeout(f, 1)', 'setTimeout'],
    ['setInterval(f, 1)', 'setInterval'],
    ['process.hrtime()', 'process'],
    ["process['env']", 'process'],
    ["console.log('x')", 'console'],
    ['Buffer.alloc(1)', 'Buffer'],
    ['`$' + '{Date.now()}`', 'Date'],
  ])('%s', (source, name) => {
    const complaint = `src/paths/a.ts: line 2: src/paths is pure and uses ${name}`;
    expect(complaints('src/paths/a.ts', source)).toEqual([complaint]);
    expect(complaints('sim/a.ts', source)).toHaveLength(1);
    expect(complaints('src/agent/a.ts', source)).toEqual([]);
    expect(complaints('src/paths/a.test.ts', source)).toEqual([]);
  });

  test('names that only look like it', () => {
    const source =
      "// Date.now() is not ours\nconst s = 'process.env';\nthis.process(a.performance.b);\nlet expiryDate = 1;";
    expect(complaints('src/paths/a.ts', source)).toEqual([]);
  });
});

describe('syntax and size', () => {
  test.each([
    ['enum Colour { Red }', 'line 2: has an enum'],
    ['export const enum Colour { Red }', 'line 2: has an enum'],
    ['const a = b as any;', 'line 2: has `as any`'],
    ['\n// @ts-ignore: because\nf();', 'line 3: has @ts-ignore'],
    ['\n'.repeat(600), 'has 601 lines, more than 600'],
  ])('%j', (source, complaint) => {
    expect(complaints('src/agent/a.ts', source)).toEqual([`src/agent/a.ts: ${complaint}`]);
  });

  test('in strings and prose all words are free', () => {
    expect(complaints('src/agent/a.ts', "const s = 'enum A { b } as any'; // as any enum would")).toEqual([]);
  });

  test('a file opens with a comment', () => {
    expect(violations(sourceFile('src/agent/a.ts', 'f();\n'))).toEqual([
      'src/agent/a.ts: does not open with a comment that says what it is for',
    ]);
    expect(violations(sourceFile('src/cli/a.ts', '#!/usr/bin/env node\n// It.\n'))).toEqual([]);
  });
});
