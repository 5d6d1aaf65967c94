// Writes docs/coverage.md: which file holds which mechanism of the papers and which test holds the file, from the
// citations in the comments. `npm run coverage-docs` writes it; with --check it only says whether the committed file
// is up to date.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Citation, citationsIn, proseOf } from './citations.ts';
import { type Paper, papers } from './papers.ts';

export interface Source {
  readonly path: string;
  readonly text: string;
}

interface CitingFile {
  readonly path: string;
  /** The first sentence of its opening comment. */
  readonly purpose: string;
  readonly citations: readonly Citation[];
  /** The test beside it, if there is one. */
  readonly test: string | undefined;
}

const roots = ['src', 'sim', 'lab', 'bench', 'test'];
const purposeLength = 140;

const introduction = `# Coverage

Which file holds which mechanism of the papers, and which test holds the file. Made from the citations in the comments
by \`npm run coverage-docs\`; not to be edited.
`;

export function coverageDocument(sources: readonly Source[]): string {
  const files = citingFiles(sources);
  const tables = papers
    .filter((paper) =>
      files.some((file) => file.citations.some((citation) => citation.document === paper.name)),
    )
    .map((paper) => paperTable(paper, files));
  return [introduction, ...tables, rfcTable(files)].join('\n');
}

/** Citations of sections that the paper does not have, as sentences. */
export function wrongCitations(sources: readonly Source[]): string[] {
  return citingFiles(sources).flatMap((file) =>
    file.citations
      .filter((citation) => {
        const paper = papers.find(({ name }) => name === citation.document);
        return paper && !(citation.section in paper.mechanisms || citation.section in paper.background);
      })
      .map(
        ({ document, section }) =>
          `${file.path} cites ${document} §${section}, which tools/papers.ts does not list`,
      ),
  );
}

function citingFiles(sources: readonly Source[]): CitingFile[] {
  const paths = new Set(sources.map(({ path }) => path));
  return sources
    .map(({ path, text }) => {
      const test = path.replace(/\.ts$/, '.test.ts');
      return {
        path,
        purpose: purposeOf(text),
        citations: citationsIn(text),
        test: paths.has(test) ? test : undefined,
      };
    })
    .filter(({ citations }) => citations.length > 0);
}

function paperTable(paper: Paper, files: readonly CitingFile[]): string {
  const sections = [...Object.keys(paper.mechanisms), ...Object.keys(paper.background)].sort(bySection);
  const rows = sections.flatMap((section) => {
    const title = paper.mechanisms[section] ?? paper.background[section]!;
    const citing = files.filter((file) => cites(file, { document: paper.name, section }));
    if (citing.length === 0 && !(section in paper.mechanisms)) return [];
    return rowsOf(`§${section} ${title}`, citing);
  });
  return `## ${paper.name}\n\n${paper.title}\n\n${table('mechanism', rows)}`;
}

function rfcTable(files: readonly CitingFile[]): string {
  const cited = files.flatMap((file) => file.citations).filter(({ document }) => document.startsWith('RFC'));
  const labels = new Map(cited.map((citation) => [labelOf(citation), citation]));
  const rows = [...labels]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap(([label, citation]) =>
      rowsOf(
        label,
        files.filter((file) => cites(file, citation)),
      ),
    );
  return `## RFCs\n\n${table('document', rows)}`;
}

/** One row a citing file; the first also names the tests that cite the section themselves. */
function rowsOf(label: string, citing: readonly CitingFile[]): string[][] {
  const code = citing.filter(({ path }) => !isTest(path));
  if (code.length === 0 && citing.length === 0) return [[label, 'not built', '', '']];
  const siblings = new Set(code.map(({ test }) => test));
  const others = citing.map(({ path }) => path).filter((path) => isTest(path) && !siblings.has(path));
  if (code.length === 0) return [[label, '', '', list(others)]];
  return code.map((file, index) => {
    const tests = [file.test, ...(index === 0 ? others : [])].filter((test) => test !== undefined);
    return [index === 0 ? label : '', `\`${file.path}\``, file.purpose, list(tests)];
  });
}

function table(subject: string, rows: readonly string[][]): string {
  const lines = [[subject, 'file', 'what it is for', 'tests'], ['---', '---', '---', '---'], ...rows];
  return `${lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`;
}

function purposeOf(text: string): string {
  const opening = /^(?:#!.*\n)?((?:\/\/.*\n)+|\/\*[\s\S]*?\*\/)/.exec(text)?.[1] ?? '';
  const prose = proseOf(opening).replaceAll('*/', '').trim();
  const sentence = /^.*?[.:;](?=\s|$)/.exec(prose)?.[0].slice(0, -1) ?? prose;
  return sentence.length <= purposeLength
    ? sentence
    : `${sentence.slice(0, purposeLength).replace(/\s+\S*$/, '')} …`;
}

function bySection(a: string, b: string): number {
  return Number(/^\D/.test(a)) - Number(/^\D/.test(b)) || a.localeCompare(b, 'en', { numeric: true });
}

function cites(file: CitingFile, { document, section }: Citation): boolean {
  return file.citations.some((citation) => citation.document === document && citation.section === section);
}

function labelOf({ document, section }: Citation): string {
  return section === '' ? document : `${document} §${section}`;
}

function list(paths: readonly string[]): string {
  return paths.map((path) => `\`${path}\``).join('<br>');
}

function isTest(path: string): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts');
}

function readSources(repository: string): Source[] {
  return roots
    .filter((root) => existsSync(join(repository, root)))
    .flatMap((root) =>
      readdirSync(join(repository, root), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(root, name),
      ),
    )
    .filter((path) => path.endsWith('.ts') && !/\/(?:dist[^/]*|node_modules)\//.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(repository, path), 'utf8') }));
}

function main(): number {
  const repository = join(import.meta.dirname, '..');
  const file = join(repository, 'docs/coverage.md');
  const sources = readSources(repository);
  const wrong = wrongCitations(sources);
  if (wrong.length > 0) {
    console.error(wrong.join('\n'));
    return 1;
  }
  const document = coverageDocument(sources);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, document);
    return 0;
  }
  if (existsSync(file) && readFileSync(file, 'utf8') === document) return 0;
  console.error(
    'docs/coverage.md does not match the citations in the code; write it anew with `npm run coverage-docs`.',
  );
  return 1;
}

if (import.meta.filename === process.argv[1]) process.exitCode = main();
