// Writes the document of a paper as Markdown from what was measured. Every figure in it comes from the results.
import { roundsText } from '../harness/report.ts';
import { figure, type TableColumn, wrapped } from '../harness/text-table.ts';
import type { Bound, Paper, PaperSection } from './paper.ts';
import type { BenchResult, MeasuredBench, PaperResults } from './results.ts';

const ASKED =
  'What is asked is chosen by this project, and may be less or more than what the paper says, which stands before it; where ' +
  'nothing is asked, a figure is only told.';

export function renderDocument(paper: Paper, results: PaperResults): string {
  return `${[
    `# ${paper.title}`,
    paragraph(`Written by \`npm run bench -- paper ${paper.name}\`; not to be edited.`),
    ...paper.introduction.map(paragraph),
    ...machineTexts(results).map(paragraph),
    '## At a glance',
    paragraph(ASKED),
    glance(paper, results),
    ...paper.sections.flatMap((section) => sectionText(paper, section, results.benches[section.bench])),
  ].join('\n\n')}\n`;
}

/** Relative to the document. */
export function chartFile(paper: string, bench: string, chart: string): string {
  return `${paper}/${bench}-${chart}.svg`;
}

/** A sentence for each machine that something was measured on, mostly one. */
function machineTexts({ benches }: PaperResults): string[] {
  const measured = Object.values(benches).filter((bench): bench is MeasuredBench => !('failure' in bench));
  const texts = measured.map(({ machine: { processor, cores, memoryGB, kernel, node } }) => {
    return `Measured on ${processor}, ${cores} cores, ${memoryGB} GB, Linux ${kernel}, Node ${node}.`;
  });
  return [...new Set(texts)];
}

function whenText({ quick, machine, rounds, seconds }: MeasuredBench): string {
  const source = machine.commit === undefined ? '' : `, commit ${machine.commit}`;
  const minutes = figure(Math.max(1, seconds / 60));
  const rough = quick ? ' **A quick run: rough figures that show that it works, not results.**' : '';
  return `${capitalized(roundsText(rounds))}; ${machine.date}${source}, ${minutes} minutes.${rough}`;
}

function glance({ sections }: Paper, { benches }: PaperResults): string {
  const rows = sections.flatMap(({ figures, bench, bounds }) =>
    bounds.map((bound) => {
      const result = benches[bench];
      const value =
        result === undefined || 'failure' in result ? undefined : knownNumber(result.ratios[bound.ratio]);
      return [figures, bound.what, bound.paper, asked(bound), ...judged(bound, value)];
    }),
  );
  const head = ['', 'what', 'paper', 'asked', 'measured', ''].map((title, index) => ({
    title,
    align: index === 4 ? ('right' as const) : ('left' as const),
  }));
  return markdownTable(head, rows);
}

/** What is not a number is written to the results as null. */
function knownNumber(value: number | null | undefined): number | undefined {
  return value ?? undefined;
}

function asked({ atLeast, atMost }: Bound): string {
  if (atLeast !== undefined) return `≥ ${atLeast.toLocaleString('en-US')}`;
  return atMost === undefined ? '' : `≤ ${atMost.toLocaleString('en-US')}`;
}

function judged({ atLeast, atMost }: Bound, value: number | undefined): [measured: string, verdict: string] {
  if (value === undefined || Number.isNaN(value)) return ['–', 'not measured'];
  if (atLeast === undefined && atMost === undefined) return [figure(value), ''];
  const holds = value >= (atLeast ?? value) && value <= (atMost ?? value);
  return [figure(value), holds ? 'holds' : '**missed**'];
}

function sectionText(paper: Paper, section: PaperSection, result: BenchResult | undefined): string[] {
  const { figures, title, bench, about, paperFound, differs } = section;
  return [
    `## ${figures}: ${title}`,
    paragraph(about),
    paragraph(`Paper: ${paperFound}`),
    ...(result === undefined || 'failure' in result
      ? [paragraph(`Not measured: ${result?.failure ?? 'nobody has done so yet.'}`)]
      : measuredText(paper, section, result)),
    bullets('What differs from the paper:', differs),
    paragraph(`Again: \`npm run bench -- ${bench}\`.`),
  ];
}

function measuredText(paper: Paper, { bench, charts }: PaperSection, result: MeasuredBench): string[] {
  const images = charts(result).map(
    ({ name, chart }) => `![${chart.title}](${chartFile(paper.name, bench, name)})`,
  );
  const settings = result.peers.map((peer) => `${peer.title}: ${peer.settings}.`);
  return [
    ...images,
    paragraph(whenText(result)),
    markdownTable(result.table.head, result.table.rows),
    bullets('How it was measured:', [...settings, ...result.notes]),
  ];
}

function markdownTable(head: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(head.map(({ title }) => title)),
    line(head.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}

function bullets(title: string, sentences: readonly string[]): string {
  const items = sentences.map((sentence) => `- ${wrapped(sentence, WIDTH - 2).replaceAll('\n', '\n  ')}`);
  return [title, '', ...items].join('\n');
}

const WIDTH = 118;

function paragraph(text: string): string {
  return wrapped(text, WIDTH);
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
