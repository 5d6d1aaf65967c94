// Figures 4.10 and 4.11 of CCP: what algorithms can do that are outside of the datapath.
import { AGGREGATE_ARMS, aggregateChart } from '../../benches/ccp-aggregate.ts';
import { SUBJECTS, slotsChart } from '../../benches/ccp-anywhere.ts';
import { drawn } from '../curves.ts';
import type { PaperSection } from '../paper.ts';

export const AGGREGATE: PaperSection = {
  figures: 'Figure 4.10',
  title: 'Flows under one window',
  bench: 'ccp-aggregate',
  about:
    'Connections of 20 s, one more every 10 s: under an algorithm that has one window for all of a host’s, and under Reno ' +
    'for each.',
  paperFound:
    'the aggregate gives a new connection its share of the window at once, where Reno must find it out for each.',
  differs: [
    'The thesis does not say what its link is; ours is emulated, and the connections are Linux’s, unchanged.',
    'That a share is had “at once” is looked at with the eyes of `ss`.',
  ],
  bounds: [
    {
      ratio: 'firstFairness',
      what: 'fairness of throughput in a new connection’s first seconds (Jain)',
      paper: 'near 1',
      atLeast: 0.95,
    },
    { ratio: 'firstFairnessReno', what: 'the same, Reno for each', paper: 'below' },
    {
      ratio: 'toShare',
      what: 'time until it has its share of the window, Reno’s ÷ the aggregate’s',
      paper: 'above 1',
      atLeast: 2,
    },
    { ratio: 'utilisation', what: 'utilisation under the aggregate', paper: 'near 1', atLeast: 0.9 },
  ],
  charts: (bench) =>
    AGGREGATE_ARMS.map((arm) => ({
      name: arm.name,
      chart: {
        title: `Windows: ${arm.title}`,
        xLabel: 'seconds',
        yLabel: 'window, packets',
        series: drawn(bench, aggregateChart(arm)),
      },
    })),
};

export const ANYWHERE: PaperSection = {
  figures: 'Figure 4.11',
  title: 'Write once, run anywhere',
  bench: 'ccp-anywhere',
  about: 'The same files of Copa and Cubic on three datapaths, a flow each.',
  paperFound:
    'on Linux, mTCP and QUIC windows evolve differently, and the shapes of both algorithms are visible on each: Copa swings ' +
    'around what fills the link, 22 packets.',
  differs: [
    'The datapaths are Linux’s TCP, the transport between two hosts of a cloud, and the simulator’s TCP, instead of mTCP and ' +
      'Google’s QUIC.',
    'The transport’s connection is four flows of the algorithm’s, one for each slot that is sprayed over: it stands beside ' +
      'four simulated ones.',
    'The thesis does not say how long the queues are.',
  ],
  bounds: [
    {
      ratio: 'utilisation',
      what: 'payload over the link’s rate, least of all',
      paper: '0.68 (Copa, §4.7.2)',
      atLeast: 0.68,
    },
    {
      ratio: 'windowsLinuxAndSimulated',
      what: 'mean windows of Linux and simulator, smaller ÷ larger, worst algorithm',
      paper: '–',
      atLeast: 0.8,
    },
    {
      ratio: 'windowsTransportAndSimulated',
      what: 'the same of the transport and as many simulated flows as it has slots in use',
      paper: '–',
      atLeast: 0.8,
    },
  ],
  charts: (bench) =>
    SUBJECTS.flatMap(({ name, title, link }) => {
      const words = { xLabel: 'seconds', yLabel: 'window, packets' };
      const where = `on ${link.mbitPerSecond} Mbit/s and ${link.rttMillis} ms`;
      return [
        { name, chart: { title: `${title} ${where}`, ...words, series: drawn(bench, name) } },
        {
          name: `${name}-slots`,
          chart: {
            title: `${title} ${where}: the transport’s slots`,
            ...words,
            series: drawn(bench, slotsChart(name)),
          },
        },
      ];
    }),
};
