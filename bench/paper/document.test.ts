// The document of a paper from results that are made up: what it says comes from them.
import { describe, expect, it } from 'vitest';
import { BENCHES } from '../benches.ts';
import { renderChart } from './chart.ts';
import { renderDocument } from './document.ts';
import type { Paper } from './paper.ts';
import { PAPERS } from './papers.ts';
import type { MeasuredBench, PaperResults } from './results.ts';

const paper: Paper = {
  name: 'paper',
  title: 'A paper',
  introduction: ['It is about something.'],
  sections: [
    {
      figures: 'Figure 1',
      title: 'Speed',
      bench: 'speed',
      about: 'It runs.',
      paperFound: 'it is fast.',
      differs: ['Our machine is small.'],
      bounds: [
        { ratio: 'faster', what: 'speed ÷ speed', paper: '3', atLeast: 2 },
        { ratio: 'gap', what: 'gap', paper: '–', atMost: 20 },
        { ratio: 'unknown', what: 'what is not there', paper: '1', atLeast: 1 },
        { ratio: 'told', what: 'what is only told', paper: '1' },
      ],
      charts: () => [{ name: 'curve', chart: { title: 'Speed', xLabel: 'x', yLabel: 'y', series: [] } }],
    },
    {
      figures: 'Figure 2',
      title: 'Failure',
      bench: 'failing',
      about: 'It fails.',
      paperFound: 'nothing.',
      differs: [],
      bounds: [{ ratio: 'any', what: 'anything', paper: '1', atLeast: 1 }],
      charts: () => [],
    },
  ],
};

const measured: MeasuredBench = {
  quick: false,
  machine: {
    processor: 'some processor',
    cores: 2,
    memoryGB: 4,
    kernel: '6.18.0',
    node: 'v20',
    commit: 'abc',
    date: '2026-01-31',
  },
  rounds: 3,
  seconds: 120,
  peers: [{ name: 'selvage', title: 'Selvage', settings: 'as it comes' }],
  table: {
    head: [
      { title: 'case', align: 'left' },
      { title: 'speed', align: 'right' },
    ],
    rows: [['1 flow', '8,000']],
  },
  measured: { selvage: { '1 flow': { speed: { median: 8000, min: 7000, max: 9000 } } } },
  ratios: { faster: 2.5, gap: 21, told: 7 },
  notes: ['A note.'],
  series: [],
};

const results: PaperResults = {
  paper: 'paper',
  benches: { speed: measured, failing: { failure: 'There is no nginx.' } },
};

describe('the document', () => {
  const text = renderDocument(paper, results);

  it('says at a glance what was asked, what was measured, and whether it holds', () => {
    expect(text).toContain('| Figure 1 | speed ÷ speed | 3 | ≥ 2 | 2.50 | holds |');
    expect(text).toContain('| Figure 1 | gap | – | ≤ 20 | 21.0 | **missed** |');
    expect(text).toContain('| Figure 1 | what is not there | 1 | ≥ 1 | – | not measured |');
    expect(text).toContain('| Figure 1 | what is only told | 1 |  | 7.00 |  |');
    expect(text).toContain('| Figure 2 | anything | 1 | ≥ 1 | – | not measured |');
  });

  it('has the table, the chart, the settings and the notes of each benchmark, and why one is missing', () => {
    expect(text).toContain('| case | speed |\n| --- | ---: |\n| 1 flow | 8,000 |');
    expect(text).toContain('![Speed](paper/speed-curve.svg)');
    expect(text).toContain('- Selvage: as it comes.\n- A note.');
    expect(text).toContain('Not measured: There is no nginx.');
    expect(text).toContain('Measured on some processor, 2 cores, 4 GB, Linux 6.18.0, Node v20.');
    expect(text).toContain('3 rounds: median (smallest–largest); 2026-01-31, commit abc, 2.00 minutes.');
    expect(text).not.toContain('quick run');
  });

  it('says which was a quick run, and on which machines they took place', () => {
    const machine = { ...measured.machine, processor: 'another', commit: undefined };
    const failing = { ...measured, quick: true, machine };
    const mixed = renderDocument(paper, { ...results, benches: { speed: measured, failing } });
    expect(mixed.match(/quick run/g)).toHaveLength(1);
    expect(mixed).toContain('Measured on some processor, 2');
    expect(mixed).toContain('Measured on another, 2');
  });
});

describe.each(PAPERS)('$name’s', async ({ name, load }) => {
  const { sections, ...rest } = await load();

  it('has its name, and benchmarks that there are, each once', () => {
    expect(rest.name).toBe(name);
    const names = sections.map(({ bench }) => bench);
    expect(new Set(names).size).toBe(names.length);
    for (const bench of names) expect(BENCHES.map((each) => each.name)).toContain(bench);
  });

  it('draws every chart of whatever was measured', () => {
    const charts = sections.flatMap((section) => section.charts({ ...measured, measured: {} }));
    expect(charts.length).toBeGreaterThanOrEqual(sections.length);
    for (const { chart } of charts) expect(renderChart(chart)).not.toMatch(/NaN|undefined|Infinity/);
  });
});
