// The sources that the rules of the house are held against: every TypeScript file with its place, its text without
// comments and strings, and what it imports.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { readSource, type SourceText } from '../../tools/source-text.ts';

export interface SourceFile {
  /** From the repository's root: `src/wire/vxlan.ts`. */
  readonly path: string;
  /** The folder whose rules it is under: `src/wire`, `lab`. */
  readonly folder: string;
  readonly isTest: boolean;
  readonly source: string;
  readonly text: SourceText;
  readonly imports: readonly Import[];
}

export interface Import {
  readonly specifier: string;
  /** What is imported: a file of ours by its path from the root, a Node module, a package by its name. */
  readonly target: { readonly kind: 'file' | 'node' | 'package'; readonly name: string };
}

const roots = ['src', 'sim', 'lab', 'bench', 'test', 'tools'];

export function sourceFiles(repository: string): SourceFile[] {
  return roots
    .filter((root) => existsSync(join(repository, root)))
    .flatMap((root) =>
      readdirSync(join(repository, root), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(root, name),
      ),
    )
    .filter((path) => path.endsWith('.ts') && !/\/(?:dist[^/]*|node_modules)\//.test(path))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(repository, path), 'utf8')));
}

export function sourceFile(path: string, source: string): SourceFile {
  const text = readSource(source);
  const imports = [...specifiersIn(text)].map((specifier) => ({
    specifier,
    target: targetOf(path, specifier),
  }));
  return { path, folder: folderOf(path), isTest: isTest(path), source, text, imports };
}

export function folderOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? `${top}/${second}` : top;
}

/** Tests, and what only tests import. */
function isTest(path: string): boolean {
  return path.startsWith('test/') || /\.(test|testing)\.ts$/.test(path);
}

function* specifiersIn({ code, codeAndStrings }: SourceText): Generator<string> {
  const statement = /\b(?:import|export)\b(?:[\s\w$*{},]*?\bfrom)?\s*(['"])([^'"\n]+)\1/g;
  const dynamic = /\b(?:import|require)\s*\(\s*(['"`])([^'"`\n]+)\1/g;
  for (const match of [...codeAndStrings.matchAll(statement), ...codeAndStrings.matchAll(dynamic)]) {
    // The word may stand in a string: ['--import', loader, 'main.ts'].
    if (code[match.index] !== ' ') yield match[2]!;
  }
}

function targetOf(importer: string, specifier: string): Import['target'] {
  if (specifier.startsWith('.')) return { kind: 'file', name: normalize(join(dirname(importer), specifier)) };
  if (specifier.startsWith('node:')) return { kind: 'node', name: specifier };
  const [first = '', second = ''] = specifier.split('/');
  return { kind: 'package', name: first.startsWith('@') ? `${first}/${second}` : first };
}
