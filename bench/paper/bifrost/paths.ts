// Figures 15 to 18, 23 and F10 of BIFROST: several paths, their failures, and what order costs.
import { GRANULARITIES, reorderCase } from '../../benches/reorder.ts';
import type { Chart } from '../chart.ts';
import { drawn, inGroups } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

export const ELEPHANTS: PaperSection = {
  figures: 'Figure 15',
  title: 'Elephant flows',
  bench: 'elephant',
  about: 'Two long flows from one tenant to another, many times, over links that are slower than the hosts.',
  paperFound:
    'over 100 runs with two ports of 3 Gbit/s the vanilla VPC loses about half when both flows hash to one port; BIFROST ' +
    'stays near the capacity at all percentiles.',
  differs: [
    'Two spines stand for the two ports; they are slower, because all hosts and switches share one machine.',
    'The paper’s Probe-and-Switch is not public; MPTCP stands beside, as the remedy that tenants have.',
  ],
  bounds: [
    {
      ratio: 'aggregateOverCapacity',
      what: 'aggregate of both flows ÷ capacity, worst start',
      paper: 'near 1',
      atLeast: 0.9,
    },
  ],
  charts: (bench) => [
    {
      name: 'percentiles',
      chart: {
        title: 'Aggregate of two flows over capacity, by percentile of the starts',
        xLabel: 'percentile of the starts',
        yLabel: 'aggregate ÷ capacity',
        series: drawn(bench, 'percentiles'),
      },
    },
  ],
};

export const FAILURES: PaperSection = {
  figures: 'Figures 16, F10',
  title: 'Failure of a path in use',
  bench: 'failover',
  about:
    'A spine that carries traffic loses a tenth of its packets, and then falls silent, under a long flow and under ' +
    'requests to Redis.',
  paperFound:
    'with 10 % loss on the active port BIFROST keeps its throughput, Probe-and-Switch needs seconds, the vanilla VPC ' +
    'stays down until the port is restored. With a failed port 49.6 % of SETs and 56.2 % of GETs succeed in the vanilla ' +
    'VPC, 100 % with BIFROST.',
  differs: [
    'What fails is a spine of four and not a port of two: fewer of the kernel’s flows are hit, and each of them as hard.',
    'The round trip is a tenth of a millisecond: at 10 % loss the kernel’s TCP repairs far more in a second than the ' +
      'paper’s.',
    'The paper does not fall silent after the loss; here it does, as a switch that died without a word.',
  ],
  bounds: [
    {
      ratio: 'throughputKept',
      what: 'throughput kept, worst of 10 % loss and silence',
      paper: 'about 1',
      atLeast: 0.9,
    },
    { ratio: 'faultFreeOverLink', what: 'fault-free throughput ÷ access link', paper: '–' },
    { ratio: 'longestGapMillis', what: 'longest gap between answers in a round, ms', paper: '–', atMost: 20 },
    { ratio: 'failed', what: 'requests that failed', paper: '0', atMost: 0 },
  ],
  charts: (bench) => {
    const answered = ['fault-free', '10 % loss', 'silent spine'].map((phase) => `GET, ${phase}`);
    return [
      {
        name: 'throughput',
        chart: {
          title: 'A long flow while its path loses packets, falls silent, and recovers',
          xLabel: 'seconds',
          yLabel: 'Mbit/s',
          series: drawn(bench, 'throughput'),
        },
      },
      {
        name: 'gaps',
        chart: {
          title: 'Longest gap between two answers of Redis',
          xLabel: '',
          yLabel: 'ms',
          yScale: 'log',
          groups: answered,
          series: inGroups(bench, 'longestGapMillis', answered),
        },
      },
    ];
  },
};

export const REORDERING: PaperSection = {
  figures: 'Figures 17, 18, 23',
  title: 'Order',
  bench: 'reorder',
  about:
    'One long flow, sprayed ever finer over paths of different delays, with packets put in order or not.',
  paperFound:
    'reordering in the host gives 1.01 to 1.31 times the throughput and 3.09 to 4.78 times fewer retransmissions at all ' +
    'granularities, and less processor time in the guest.',
  differs: [
    'A tenant’s machine is a namespace and not a virtual machine: its TCP receives in the agent’s turn, so that the ' +
      'guest’s processor time cannot be told apart wholly. Its program’s own and the whole machine’s are given.',
    'The kernel is years newer than those of the paper’s guests: with RACK it tolerates much of what they did not.',
  ],
  bounds: [
    {
      ratio: 'throughput',
      what: 'throughput with reordering ÷ without, worst granularity',
      paper: '1.01–1.31',
    },
    {
      ratio: 'retransmissions',
      what: 'retransmissions without ÷ with, worst granularity',
      paper: '3.09–4.78',
    },
    { ratio: 'guestCpu', what: 'receiver’s processor time without ÷ with', paper: 'above 1' },
  ],
  charts: (bench) => [
    overGranularities(
      bench,
      'throughput',
      'mbitPerSecond',
      'Throughput by granularity of spraying',
      'Mbit/s',
    ),
    overGranularities(
      bench,
      'retransmissions',
      'retransmissions',
      'TCP retransmissions by granularity of spraying',
      'retransmissions',
    ),
    overGranularities(
      bench,
      'cpu',
      'machineSecondsPerGB',
      'Processor time by granularity of spraying',
      'machine CPU s/GB',
    ),
  ],
};

function overGranularities(
  { measured }: MeasuredBench,
  name: string,
  metric: string,
  title: string,
  yLabel: string,
): NamedChart {
  const names = GRANULARITIES.map(([granularity]) => granularity);
  const modes = [true, false].flatMap((reorder) => [true, false].map((rack) => ({ reorder, rack })));
  const series = modes
    .map(({ reorder, rack }) => ({
      name: `reordering ${reorder ? 'on' : 'off'}, RACK ${rack ? 'on' : 'off'}`,
      points: names.flatMap((granularity, x) => {
        const summary = measured['selvage']?.[reorderCase(granularity, reorder, rack)]?.[metric];
        return summary === undefined ? [] : [{ x, y: summary.median, low: summary.min, high: summary.max }];
      }),
    }))
    .filter(({ points }) => points.length > 0);
  const chart: Chart = { title, xLabel: 'packets that go one way', yLabel, groups: names, series };
  return { name, chart };
}
