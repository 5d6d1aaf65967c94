// Figures 4.3 to 4.6 of CCP: do algorithms outside of the datapath do what those in it do?
import { fidelityCase } from '../../benches/ccp-fidelity.ts';
import { SCENARIOS } from '../../workloads/fidelity-links.ts';
import { SIZE_CLASSES } from '../../workloads/flow-completion/sizes.ts';
import { SLOW_START_CHART } from '../../workloads/slow-starts.ts';
import { drawn, inGroups } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

const ALGORITHMS = ['reno', 'cubic'];

export const FIDELITY: PaperSection = {
  figures: 'Figures 4.3–4.6',
  title: 'Fidelity',
  bench: 'ccp-fidelity',
  about:
    'Reno and Cubic on Linux’s TCP, ours outside of the kernel beside the kernel’s own: long flows on a fixed link, on a ' +
    'trace like a cellular network’s, and with random losses; many flows of many sizes; slow start in its forms.',
  paperFound:
    'distributions of throughput and queueing delay over round trips are nearly the same. Completion times are 0.02 % ' +
    'lower than the kernel’s at the median, 3 % higher at p75, 30 % higher at p95.',
  differs: [
    'The thesis has a trace of Verizon’s LTE, and sizes of flows from CAIDA’s traces, neither of which is ours to give: the ' +
      'trace is made by the model of Sprout, and sizes have the classes and means that the thesis tells.',
    'It measures twenty runs of a minute and 100,000 flows; here runs are fewer and shorter, and the links of an algorithm ' +
      'are emulated at the same time.',
    'The kernel is 6.18 instead of 4.14. Its Cubic leaves slow start before it loses (HyStart), and so does ours.',
  ],
  bounds: [
    {
      ratio: 'throughputMin',
      what: 'throughput, ours ÷ the kernel’s, least case',
      paper: 'near 1',
      atLeast: 0.95,
    },
    {
      ratio: 'throughputMax',
      what: 'throughput, ours ÷ the kernel’s, largest case',
      paper: 'near 1',
      atMost: 1.05,
    },
    {
      ratio: 'medianDelayMin',
      what: 'median queueing delay, ours ÷ the kernel’s, least case',
      paper: 'near 1',
      atLeast: 0.9,
    },
    {
      ratio: 'medianDelayMax',
      what: 'median queueing delay, ours ÷ the kernel’s, largest case',
      paper: 'near 1',
      atMost: 1.1,
    },
    {
      ratio: 'completionP50',
      what: 'completion time, ours ÷ the kernel’s, p50',
      paper: '0.9998',
      atMost: 1.01,
    },
    {
      ratio: 'completionP75',
      what: 'completion time, ours ÷ the kernel’s, p75',
      paper: '1.03',
      atMost: 1.03,
    },
    {
      ratio: 'completionP95',
      what: 'completion time, ours ÷ the kernel’s, p95',
      paper: '1.30',
      atMost: 1.3,
    },
    {
      ratio: 'slowStart.datapath',
      what: 'slow start in the datapath: first MB, the kernel’s ÷ ours',
      paper: 'near 1',
      atLeast: 0.95,
    },
    {
      ratio: 'slowStart.algorithm',
      what: 'slow start in the algorithm: the same',
      paper: 'below 1',
    },
    { ratio: 'slowStart.rate', what: 'slow start by rate: the same', paper: 'below 1' },
  ],
  charts: (bench) => [
    {
      name: 'slow-start',
      chart: {
        title: 'Slow start in its forms',
        xLabel: 'seconds',
        yLabel: 'window, packets',
        series: drawn(bench, SLOW_START_CHART),
      },
    },
    ...ALGORITHMS.map((algorithm) => windows(bench, algorithm)),
    ...SCENARIOS.flatMap((scenario) => [
      distribution(bench, `${scenario} throughput`, 'Mbit/s in a round trip'),
      distribution(bench, `${scenario} delay`, 'ms of queueing in a round trip'),
    ]),
    delays(bench),
    ...SIZE_CLASSES.map(({ name }, index) => completion(bench, name, index)),
  ],
};

function windows(bench: MeasuredBench, algorithm: string): NamedChart {
  const chart = {
    title: `Windows of ${algorithm} on the fixed link`,
    xLabel: 'seconds',
    yLabel: 'packets',
    series: drawn(bench, `${algorithm} windows`),
  };
  return { name: `${algorithm}-windows`, chart };
}

function distribution(bench: MeasuredBench, chart: string, xLabel: string): NamedChart {
  return {
    name: chart.replace(' ', '-'),
    chart: {
      title: `Distribution over round trips: ${chart}`,
      xLabel,
      yLabel: 'share',
      series: drawn(bench, chart),
    },
  };
}

function delays(bench: MeasuredBench): NamedChart {
  const groups = ALGORITHMS.flatMap((algorithm) => SCENARIOS.map((each) => fidelityCase(algorithm, each)));
  const series = inGroups(bench, 'medianQueueingMillis', groups);
  const words = { title: 'Median queueing delay', xLabel: '', yLabel: 'ms' };
  return { name: 'median-delays', chart: { ...words, yScale: 'log', groups, series } };
}

function completion(bench: MeasuredBench, name: string, index: number): NamedChart {
  const chart = `completion, ${name}`;
  const words = { title: `Completion times of flows ${name}`, xLabel: 'ms', yLabel: 'share' };
  return { name: `completion-${index + 1}`, chart: { ...words, series: drawn(bench, chart) } };
}
