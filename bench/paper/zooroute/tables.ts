// Figures 16 to 18 of ZooRoute: how many probes a region takes, what the path table takes, and how soon all of it is new.
import { inGroups } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

export const PROBES: PaperSection = {
  figures: 'Figure 16',
  title: 'Probes of a region',
  bench: 'probe-scale',
  about: 'Half an hour of regions of up to 100,000 VTEPs with sparse traffic, in the simulator.',
  paperFound: 'on-demand probing and learning leave less than 5 % of the probes of a full mesh.',
  differs: ['Traffic is a model, since the paper does not say what its regions’ is like.'],
  bounds: [
    {
      ratio: 'probesOfFullMesh',
      what: 'probes ÷ those of a full mesh, worst region',
      paper: '0.05',
      atMost: 0.05,
    },
    { ratio: 'worstVtepOfFullMesh', what: 'the same of the VTEP that sends most', paper: '–' },
  ],
  charts: (bench) => [chartOf(bench, 'probes', 'percent', 'Probes of a region', '% of a full mesh', 'log')],
};

export const TABLE: PaperSection = {
  figures: 'Figure 17',
  title: 'Memory of the path table',
  bench: 'path-table',
  about: 'The fast path’s table for 50,000 destinations of 32 ports, in two forms and as plain hash entries.',
  paperFound: 'priority-based bitmap matching takes 15 times less, hierarchical indexing 25 times.',
  differs: ['Memory of a server instead of a switch’s: hash tables have no slots of fixed width.'],
  bounds: [
    { ratio: 'pbmSmaller', what: 'hash entries ÷ bitmaps', paper: '15', atLeast: 15 },
    { ratio: 'hiSmaller', what: 'hash entries ÷ hierarchical indexes', paper: '25', atLeast: 20 },
  ],
  charts: (bench) => [chartOf(bench, 'memory', 'megabytes', 'Memory of the path table', 'MB', 'log')],
};

export const UPDATES: PaperSection = {
  figures: 'Figure 18',
  title: 'Updates of the path table',
  bench: 'path-update',
  about: 'The states of 32 ports of 50,000 destinations, all of them new.',
  paperFound: 'packets that carry updates are three orders of magnitude faster than PCIe.',
  differs: [
    'The table is the kernel’s and not a switch’s: a system call stands where the paper writes over PCIe, and a process can ' +
      'also map the table’s memory.',
  ],
  bounds: [
    { ratio: 'packetsVsMapWrites', what: 'time of map writes ÷ update packets, bitmaps', paper: '1000' },
    { ratio: 'mappedVsMapWrites', what: 'time of map writes ÷ mapped memory, bitmaps', paper: '–' },
  ],
  charts: (bench) => [chartOf(bench, 'times', 'millis', 'Time until all states are in force', 'ms', 'log')],
};

function chartOf(
  bench: MeasuredBench,
  name: string,
  metric: string,
  title: string,
  yLabel: string,
  yScale: 'linear' | 'log',
): NamedChart {
  const groups = [...new Set(Object.values(bench.measured).flatMap((cases) => Object.keys(cases)))];
  return {
    name,
    chart: { title, xLabel: '', yLabel, yScale, groups, series: inGroups(bench, metric, groups) },
  };
}
