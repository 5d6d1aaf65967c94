// Table 1 and figures 21 to 24 of ZooRoute: how long tenants are out of service while something in the fabric is broken.
import { FAULT_KINDS } from '../../outage/campaign.ts';
import { RECOVERY, SHOWN } from '../../outage/curves.ts';
import { drawn, inGroups } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

export const OUTAGE: PaperSection = {
  figures: 'Table 1, Figures 21–24',
  title: 'A campaign of faults',
  bench: 'outage',
  about:
    'Sixty faults of nine kinds, one after the other, strike paths in use under requests to Redis, over six systems at the same ' +
    'time.',
  paperFound:
    'in 26 months 93.19 % of the outage time was saved and 98.21 % of the failures were masked; jitter of long links was left ' +
    'within 1 s (84.67 % of 8.8 s saved), anomalies of cards and ports mostly within 3 s (93.12 % of 150 s), cut fibres saved ' +
    '98.60 % of 300 s. Random choice needs 1 ÷ p² attempts: 1.58 on average and 17.05 at worst.',
  differs: [
    'Faults are made on purpose, and last seconds: those of table 1’s durations are computed from how service was at the end. A ' +
      'router’s death is that of a spine, a line card half of a leaf’s uplinks.',
    'Which faults there are, how many of each and how strong, is chosen here (loss of 30 to 80 % and of 0.1 to 2 %, jitter of 20 to ' +
      '80 ms), and so are the limits: out of service from 100 ms on, masked up to 3 s or 20 ms, recovery judged for faults of at ' +
      'least 30 % loss. The paper does not say what its faults were like, nor when one is masked.',
    'Out of service is what an application with requests on TCP connections sees, its retransmission timers included, and not ' +
      'the loss of probes.',
    'Four paths and not hundreds; six systems, their tenants and the fabric share one machine’s processors.',
  ],
  bounds: [
    {
      ratio: 'outageReduction',
      what: 'outage time saved, the lower of standalone and agent',
      paper: '0.9319',
      atLeast: 0.9319,
    },
    {
      ratio: 'masked',
      what: 'faults masked, the lower of standalone and agent',
      paper: '0.9821',
      atLeast: 0.9821,
    },
    { ratio: 'standaloneReduction', what: 'outage time saved, standalone', paper: '0.9319' },
    { ratio: 'agentReduction', what: 'outage time saved, agent', paper: '0.9319' },
    { ratio: 'standaloneMasked', what: 'faults masked, standalone: gaps of at most 3 s', paper: '0.9821' },
    {
      ratio: 'agentMasked',
      what: 'faults masked, agent: gaps of at most 20 ms above the fault-free longest',
      paper: '0.9821',
    },
    {
      ratio: 'standaloneRecoveryP50Seconds',
      what: 'standalone, median time out of service, faults of at least 30 % loss, s',
      paper: 'within 1 s to 3 s',
      atMost: 1,
    },
    {
      ratio: 'standaloneRecoveryP99Seconds',
      what: 'the same, p99',
      paper: 'within 3 s mostly',
      atMost: 3,
    },
  ],
  charts: (bench) => [
    {
      name: 'recovery',
      chart: {
        title: 'Time out of service, faults of at least 30 % loss',
        xLabel: 'seconds',
        yLabel: '% of the faults',
        series: drawn(bench, RECOVERY),
      },
    },
    byKind(bench),
    ...SHOWN.flatMap(({ kind, chart, value }): NamedChart[] => {
      const isLatency = value === 'latency';
      const series = drawn(bench, chart);
      // The quick form has faults of some kinds only.
      if (series.length === 0) return [];
      const name = kind.replaceAll(/\W+/g, '-').replace(/-$/, '');
      const yLabel = isLatency ? 'longest latency, ms' : 'answers, % of the usual';
      const words = { title: capitalized(chart), xLabel: 'seconds since the fault began', yLabel };
      return [{ name, chart: { ...words, ...(isLatency && { yScale: 'log' }), series } }];
    }),
  ],
};

function byKind(bench: MeasuredBench): NamedChart {
  const groups = [...FAULT_KINDS];
  return {
    name: 'by-kind',
    chart: {
      title: 'Outage time saved over faults of 8.8, 150 and 300 s',
      xLabel: '',
      yLabel: '%',
      groups,
      series: inGroups(bench, 'reductionPercent', groups),
    },
  };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
