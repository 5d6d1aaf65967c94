// `bench paper NAME`: runs every benchmark of a paper, and writes its document, its charts and what was measured into a
// folder. It writes after each benchmark, beside what was measured before, so that an interrupt costs one; what could not be
// measured is said there.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unlessInterrupted } from '../../lab/interrupt.ts';
import { unknownName } from '../../lab/names.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { reenterUnprivileged } from '../../lab/user-namespace.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { BENCHES, type NamedBench } from '../benches.ts';
import { renderChart } from './chart.ts';
import { chartFile, renderDocument } from './document.ts';
import { describeMachine } from './machine.ts';
import type { Paper } from './paper.ts';
import { PAPERS } from './papers.ts';
import { type BenchResult, type PaperResults, resultOf } from './results.ts';

export interface PaperOptions {
  readonly quick: boolean;
  readonly json: boolean;
  /** Absent: docs/results of the package. */
  readonly out: string | undefined;
  /** Write the document again from what was measured before. */
  readonly redraw: boolean;
  /** Benchmarks to measure; the others' results are kept. Absent: all. */
  readonly only: readonly string[] | undefined;
}

/** The exit status: 1 when something could not be measured. */
export async function runPaper(name: string | undefined, options: PaperOptions): Promise<number> {
  const papers = PAPERS.map((each) => each.name);
  if (name === undefined) {
    const hint = `There are ${papers.join(', ')}: selvage bench paper ${papers[0]}`;
    throw new SelvageError('bad-input', 'No paper is named.', { hint });
  }
  const named = PAPERS.find((each) => each.name === name);
  if (named === undefined) throw unknownName('paper', name, papers);
  const paper = await named.load();
  const folder = options.out ?? join(packageRoot(), 'docs', 'results');
  if (options.redraw) {
    write(paper, readResults(folder, paper), folder);
    return 0;
  }
  const { only } = options;
  const names = paper.sections.map(({ bench }) => bench);
  const stranger = only?.find((each) => !names.includes(each));
  if (stranger !== undefined) throw unknownName('benchmark', stranger, names);
  const before = existsSync(resultsFile(folder, paper)) ? readResults(folder, paper) : { benches: {} };
  const benches = (only ?? names).flatMap((each) => BENCHES.filter((bench) => bench.name === each));
  const status = await reenterUnprivileged(benches.flatMap(({ programs }) => programs));
  if (status !== undefined) return status;
  // Of a benchmark that the paper has no more, nothing is kept.
  const kept = Object.entries(before.benches).filter(([bench]) => names.includes(bench));
  const known = { paper: paper.name, benches: Object.fromEntries(kept) };
  const results = await measure(known, benches, options.quick, (soFar) => write(paper, soFar, folder));
  console.log(`Written: ${join(folder, `${paper.name}.md`)}`);
  if (options.json) console.log(JSON.stringify({ paper: paper.name, ratios: ratiosOf(results) }));
  return benches.some((bench) => 'failure' in results.benches[bench.name]!) ? 1 : 0;
}

async function measure(
  before: PaperResults,
  benches: readonly NamedBench[],
  quick: boolean,
  tell: (results: PaperResults) => void,
): Promise<PaperResults> {
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const machine = describeMachine();
  let results = before;
  for (const { name: bench, load } of benches) {
    progress(`── ${bench} ──`);
    const startedAt = performance.now();
    const result = await load()
      .then((run) => run({ quick, progress }))
      .then(
        (outcome): BenchResult => {
          const seconds = (performance.now() - startedAt) / 1000;
          return resultOf(outcome, { quick, machine, seconds });
        },
        async (thrown): Promise<BenchResult> => {
          // What an interrupt ended was not measured before it either.
          await unlessInterrupted();
          return { failure: String(SelvageError.from(thrown)) };
        },
      );
    if ('failure' in result) progress(`${bench} could not be measured: ${result.failure}`);
    results = { ...results, benches: { ...results.benches, [bench]: result } };
    tell(results);
  }
  return results;
}

function write(paper: Paper, results: PaperResults, folder: string): void {
  const charts = join(folder, paper.name);
  mkdirSync(charts, { recursive: true });
  // First: from this everything else can be written again.
  replaceFile(resultsFile(folder, paper), `${JSON.stringify(results, null, 1)}\n`);
  // Those of an earlier run may not be drawn again.
  for (const file of readdirSync(charts)) if (file.endsWith('.svg')) rmSync(join(charts, file));
  for (const { bench, charts } of paper.sections) {
    const result = results.benches[bench];
    if (result === undefined || 'failure' in result) continue;
    for (const { name, chart } of charts(result))
      writeFileSync(join(folder, chartFile(paper.name, bench, name)), renderChart(chart));
  }
  replaceFile(join(folder, `${paper.name}.md`), renderDocument(paper, results));
}

/** Whole, or as it was. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

function resultsFile(folder: string, { name }: Paper): string {
  return join(folder, `${name}.json`);
}

function readResults(folder: string, paper: Paper): PaperResults {
  const file = resultsFile(folder, paper);
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const again = `selvage bench paper ${paper.name}`;
    throw new SelvageError('bad-input', `${file} cannot be read: ${(cause as Error).message}.`, {
      hint: existsSync(file) ? `Remove it, and measure again: ${again}` : `Measure first: ${again}`,
      cause,
    });
  }
}

function ratiosOf({ benches }: PaperResults): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(benches).map(([bench, result]) => [bench, 'failure' in result ? null : result.ratios]),
  );
}
