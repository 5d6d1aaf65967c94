// Figures 20, 21, E8, E9 and F11 of BIFROST: Redis and nginx; and what the whole costs on a healthy network.
import { ccCase } from '../../benches/cc.ts';
import { inGroups, overCases } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

const REDIS_LOSSES = [0, 0.1, 0.5, 1];
const NGINX_LOSSES = [0, 0.1, 0.5, 1, 2];

export const REDIS: PaperSection = {
  figures: 'Figures 20, E9',
  title: 'Redis under loss',
  bench: 'redis-loss',
  about: 'redis-benchmark on persistent connections while the client’s access link loses packets each way.',
  paperFound:
    'at 1 % loss GET gains 3.4 times in the average, 242.1 times at p99, 210.5 times at p99.9, 306.9 times at the ' +
    'maximum and 3.4 times in throughput (SET: 2.9, 196.7, 182.4, 230.1, 2.9).',
  differs: [
    'The link loses in both directions, the paper’s receiver in one.',
    'The absolute round trip is that of one machine: the kernel’s retransmission timeout of 200 ms weighs the same.',
  ],
  bounds: [
    { ratio: 'p99At1Percent', what: 'GET p99 at 1 %, kernel VXLAN ÷ Selvage', paper: '242', atLeast: 242 },
    { ratio: 'p999At1Percent', what: 'GET p99.9 at 1 %, kernel VXLAN ÷ Selvage', paper: '211' },
    { ratio: 'maxAt1Percent', what: 'GET maximum at 1 %, kernel VXLAN ÷ Selvage', paper: '307' },
    {
      ratio: 'throughputAt1Percent',
      what: 'GET requests/s at 1 %, Selvage ÷ kernel VXLAN',
      paper: '3.4',
      atLeast: 8,
    },
  ],
  charts: (bench) =>
    ['GET', 'SET'].flatMap((request): NamedChart[] => {
      const cases = REDIS_LOSSES.map((loss) => [loss, `${request}, ${loss} % loss`] as const);
      const chart = (
        name: string,
        metric: string,
        title: string,
        yLabel: string,
        yScale: 'linear' | 'log',
      ) => ({
        name: `${request.toLowerCase()}-${name}`,
        chart: {
          title: `Redis ${request}: ${title}`,
          xLabel: 'loss each way, %',
          yLabel,
          yScale,
          series: overCases(bench, metric, cases),
        },
      });
      return [
        chart('p99', 'p99Millis', '99th percentile', 'ms', 'log'),
        chart('p999', 'p999Millis', '99.9th percentile', 'ms', 'log'),
        chart('throughput', 'requestsPerSecond', 'throughput', 'requests/s', 'linear'),
      ];
    }),
};

export const NGINX: PaperSection = {
  figures: 'Figures 21, E8',
  title: 'nginx with short connections',
  bench: 'nginx-loss',
  about: 'A connection for each request, while the client’s access link loses packets each way.',
  paperFound:
    'the average falls up to 26.3 times, p99 up to 66.7 times, and requests a second grow up to 60.0 times, to 20,000 at ' +
    '2 % loss.',
  differs: [
    'Client and server share one machine’s processors: how many connections a second it can make without any loss bounds ' +
      'the gain.',
  ],
  bounds: [
    { ratio: 'p99At2Percent', what: 'p99 at 2 %, kernel VXLAN ÷ Selvage', paper: '66.7', atLeast: 66 },
    {
      ratio: 'requestsAt2Percent',
      what: 'requests/s at 2 %, Selvage ÷ kernel VXLAN',
      paper: '60',
      atLeast: 60,
    },
  ],
  charts: (bench) => {
    const cases = NGINX_LOSSES.map((loss) => [loss, `${loss} % loss`] as const);
    const axes = { xLabel: 'loss each way, %' };
    return [
      {
        name: 'p99',
        chart: {
          ...axes,
          title: 'nginx, short connections: 99th percentile',
          yLabel: 'ms',
          yScale: 'log',
          series: overCases(bench, 'p99Millis', cases),
        },
      },
      {
        name: 'requests',
        chart: {
          ...axes,
          title: 'nginx, short connections: throughput',
          yLabel: 'requests/s',
          series: overCases(bench, 'requestsPerSecond', cases),
        },
      },
    ];
  },
};

export const CONGESTION: PaperSection = {
  figures: 'Figure F11',
  title: 'Congestion control',
  bench: 'cc',
  about:
    '200 clients of Redis at 0.1 % loss, with Swift and without, beside a neighbour’s long flow and alone.',
  paperFound: 'p99.9 falls by 30 % with congestion control, averages and p99 modestly.',
  differs: [
    'The paper’s cluster has other tenants’ traffic; here one neighbour’s long flow shares the server’s access link, ' +
      'because alone there is nothing to control.',
  ],
  bounds: [
    {
      ratio: 'p999Fall',
      what: 'share by which p99.9 falls, beside a long flow',
      paper: '0.30',
      atLeast: 0.3,
    },
    { ratio: 'p999FallAlone', what: 'the same, alone', paper: '–' },
  ],
  charts: (bench) => [latencyByMode(bench)],
};

const LATENCIES = [
  ['average', 'averageMillis'],
  ['p50', 'p50Millis'],
  ['p99', 'p99Millis'],
  ['p99.9', 'p999Millis'],
  ['max', 'maxMillis'],
] as const;

function latencyByMode({ measured }: MeasuredBench): NamedChart {
  const series = ['no control', 'Swift']
    .map((name) => ({
      name,
      points: LATENCIES.flatMap(([, metric], x) => {
        const summary = measured['selvage']?.[ccCase(name, true)]?.[metric];
        return summary === undefined ? [] : [{ x, y: summary.median, low: summary.min, high: summary.max }];
      }),
    }))
    .filter(({ points }) => points.length > 0);
  const groups = LATENCIES.map(([name]) => name);
  const chart = {
    title: 'Redis SET beside a long flow',
    xLabel: 'latency',
    yLabel: 'ms',
    groups,
    series,
  };
  return { name: 'latency', chart };
}

export const EVERYTHING_ON: PaperSection = {
  figures: '§6',
  title: 'Bulk transfers on a healthy network',
  bench: 'throughput',
  about: 'iperf3 with everything on, where nothing needs to be repaired.',
  paperFound: 'it runs on a SmartNIC at line rate; no such figure is given.',
  differs: ['Selvage has no SmartNIC: tenants, agents and switches share the processors.'],
  bounds: [
    {
      ratio: 'vsKernelVxlan',
      what: 'throughput, Selvage ÷ kernel VXLAN, worst case',
      paper: '–',
      atLeast: 0.8,
    },
    { ratio: 'vsOvsUserspace', what: 'throughput, Selvage ÷ Open vSwitch, worst case', paper: '–' },
  ],
  charts: (bench) => {
    const groups = ['1 flow', '4 flows'];
    const series = inGroups(bench, 'gbitPerSecond', groups);
    const words = { title: 'Bulk TCP between tenants', xLabel: '', yLabel: 'Gbit/s' };
    return [{ name: 'throughput', chart: { ...words, groups, series } }];
  },
};
