// The rules of the house, as functions from a source file to sentences about what is wrong with it. ARCHITECTURE.md
// says why they are so.
import type { SourceFile } from './sources.ts';

/** From the bottom to the top: a folder may import the folders before it. */
export const layers = [
  'src/base',
  'src/wire',
  'src/packet',
  'src/congestion',
  'src/paths',
  'src/transport',
  'src/vswitch',
  'src/linux',
  'src/linux-tcp',
  'src/runtime',
  'src/device',
  'src/client',
  'src/agent',
  'src/reroute',
  'src/cli',
];

/** No clock, no randomness, no input or output: the same objects run in the agent, the simulator and a fuzzer. */
const pureFolders = new Set(layers.slice(0, layers.indexOf('src/linux')));

/** Pure too, though higher up: executors, engines and links are tested in virtual time, shared memory on any. */
const pureFiles =
  /^(?:src\/runtime\/(?:change|engine|engine-report|executor|ports|queue|ring|slot|spin|supervisor|shm\/[\w-]+|vnic\/[\w-]+)|lab\/emulator\/model\/[\w-]+)\.ts$/;

const isPure = ({ folder, path }: SourceFile) => pureFolders.has(folder) || pureFiles.test(path);

const below = (folder: string) => layers.slice(0, layers.indexOf(folder));

/** What a folder may import besides itself: folders, or single files. */
const allowedOurs: Record<string, readonly string[]> = {
  ...Object.fromEntries(layers.map((folder) => [folder, below(folder)])),
  // What applications install: it shares with the agent what both must do alike, and brings nothing else along. An endpoint
  // writes its datagrams' headers itself.
  'src/client': ['src/base', 'src/wire', 'src/linux', 'src/runtime'],
  'src/agent': below('src/agent').filter((folder) => folder !== 'src/client'),
  'src/reroute': below('src/reroute').filter((folder) => folder !== 'src/client'),
  'src/cli': [...below('src/cli'), 'lab', 'bench', 'sim'],
  // The shape of a cloud is the lab's, and pure.
  sim: [...pureFolders, 'src/device/memory.ts', 'lab/topology.ts', 'lab/conditions.ts'],
  lab: below('src/cli'),
  bench: [...below('src/cli'), 'lab', 'sim'],
  // eBPF is compiled by a compiler that is fetched like the lab's programs.
  tools: ['src/base', 'lab/programs.ts'],
};

const allowedPackages: Record<string, readonly string[]> = {
  'src/congestion': ['fft.js'],
  'src/linux': ['koffi'],
  'src/agent': ['yaml', 'valibot', 'esbuild'],
  'src/cli': ['commander'],
  lab: ['commander', 'yaml', 'valibot'],
  bench: ['commander'],
  tools: ['vitest', 'esbuild'],
};

const impure =
  /(?<![.\w$])(?:Date|Buffer|globalThis|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|require)\b(?!\s*[:?])|(?<![.\w$])(?:process|performance|console|crypto)\s*[.[]|\bMath\s*\.\s*random\b|\bimport\s*\(/g;

export const longFileLines = 350;
const tooLongLines = 600;

export function violations(file: SourceFile): string[] {
  const found = [...forbiddenSyntax(file), ...length(file)];
  if (!file.isTest) found.push(...forbiddenImports(file), ...impurity(file), ...missingIntroduction(file));
  return found.map((sentence) => `${file.path}: ${sentence}`);
}

function forbiddenImports(file: SourceFile): string[] {
  const ours = allowedOurs[file.folder];
  if (ours === undefined)
    return [`${file.folder} has no place in the order of folders (test/architecture/rules.ts)`];
  const packages = allowedPackages[file.folder] ?? [];
  const nodeAllowed = !isPure(file) && file.folder !== 'sim';
  return file.imports.flatMap(({ specifier, target }) => {
    if (target.kind === 'node') return nodeAllowed ? [] : [`${file.folder} is pure and imports ${specifier}`];
    if (target.kind === 'package') {
      return packages.includes(target.name)
        ? []
        : [`${file.folder} may not import the package ${target.name}`];
    }
    if (/\.(test|testing)\.ts$/.test(target.name)) return [`imports the test ${target.name}`];
    const allowed = [file.folder, ...ours].some(
      (place) => target.name === place || target.name.startsWith(`${place}/`),
    );
    return allowed ? [] : [`${file.folder} may not import ${target.name}`];
  });
}

function impurity(file: SourceFile): string[] {
  if (!isPure(file) && file.folder !== 'sim') return [];
  return [...file.text.code.matchAll(impure)].map(
    (match) =>
      `line ${lineAt(file, match.index)}: ${file.folder} is pure and uses ${match[0].replace(/[\s.[(]+$/, '')}`,
  );
}

function forbiddenSyntax({ text, ...file }: SourceFile): string[] {
  const patterns = [
    { where: text.code, pattern: /(?<![.\w$])enum\s+[\w$]+\s*\{/g, name: 'an enum' },
    { where: text.code, pattern: /\bas\s+any\b|<any>/g, name: '`as any`' },
    { where: text.comments, pattern: /@ts-(?:ignore|nocheck)/g, name: '@ts-ignore' },
  ];
  return patterns.flatMap(({ where, pattern, name }) =>
    [...where.matchAll(pattern)].map((match) => `line ${lineAt(file, match.index)}: has ${name}`),
  );
}

function missingIntroduction({ source }: SourceFile): string[] {
  return /^(?:#!.*\n)?\/[/*]/.test(source) ? [] : ['does not open with a comment that says what it is for'];
}

function length(file: SourceFile): string[] {
  const lines = lineCount(file);
  return lines > tooLongLines ? [`has ${lines} lines, more than ${tooLongLines}`] : [];
}

export function lineCount({ source }: Pick<SourceFile, 'source'>): number {
  return source.split('\n').length - 1;
}

function lineAt({ source }: Pick<SourceFile, 'source'>, index: number): number {
  return source.slice(0, index).split('\n').length;
}
