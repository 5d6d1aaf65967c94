// Figures 11, 12 and 16 of Backdraft, and what native endpoints reach: queues that grow, in bursts and in great number.
import { bellCase, FLOWS, flowsCase, MIXTURES, OPEN_QUEUES } from '../../benches/queues.ts';
import { drawn, inGroups, overCases } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

export const BURSTS: PaperSection = {
  figures: 'Figure 12',
  title: 'Bursts',
  bench: 'bursts',
  about: 'Bursts of 64 to 1,024 packets to a receiver that takes up to 1,024 at a time.',
  paperFound:
    'short static queues make many pauses, which cost goodput and latency; long ones make few at the cost of latency; queues ' +
    'that grow make none and keep both.',
  differs: [
    'In virtual time: what a pause costs the processors is not in the figures, so short queues lose no goodput here.',
    'A sparse flow beside the bursts shows what a shared queue costs others.',
  ],
  bounds: [
    { ratio: 'pausesPerSecond', what: 'pauses a second, the most of all bursts', paper: '0' },
    { ratio: 'goodputVsShort', what: 'goodput, bursts of 1,024: ours ÷ short queues', paper: 'above 1' },
    { ratio: 'sparseP99VsLong', what: 'p99 of a sparse flow, the same: long queues ÷ ours', paper: '–' },
    { ratio: 'drops', what: 'drops', paper: '0', atMost: 0 },
  ],
  charts: (bench) => [
    curves(bench, 'pauses', 'Pauses', 'pauses/s'),
    curves(bench, 'latency', 'Latency of packets in bursts', 'µs'),
    curves(bench, 'sparse', 'Latency of a sparse flow beside them', 'p99, µs'),
  ],
};

export const QUEUES: PaperSection = {
  figures: 'Figures 11 and 16',
  title: 'Many flows',
  bench: 'queues',
  about:
    '16 to 16,384 active flows through the switch, all alike or as Zipf has it; and 1,000 of 60,000 flows active at a time, beside ' +
    'static queues that a hash deals out.',
  paperFound:
    'with doorbells 16,000 queues are as fast as a few, where polling every queue becomes ever slower; flows share no queue, ' +
    'where a third do with 2,500 static ones; and memory is a tenth of that of 10,000 static queues.',
  differs: [
    'One process and no system call: vNICs are memory. The paper’s rings take 20 bytes; ours have their 64 records in them.',
    'Source ports are the flows, so there are 60,000 instead of 100,000.',
  ],
  bounds: [
    {
      ratio: 'throughput16kOver16',
      what: 'throughput with 16,384 flows ÷ 16, worse of both',
      paper: 'about 1',
      atLeast: 0.9,
    },
    { ratio: 'collisions', what: 'flows that shared a queue', paper: '0', atMost: 0 },
    { ratio: 'drops', what: 'drops', paper: '0', atMost: 0 },
    { ratio: 'memoryOverStatic', what: 'memory ÷ that of 10,000 static queues', paper: '0.1', atMost: 0.101 },
    {
      ratio: 'vsPollingAt2k',
      what: 'doorbells ÷ polling, 2,048 queues, 16 of them not empty',
      paper: '–',
      atLeast: 9,
    },
  ],
  charts: (bench) => [throughput(bench), doorbells(bench)],
};

export const ENDPOINT: PaperSection = {
  figures: 'Not in the paper',
  title: 'Native endpoints',
  bench: 'endpoint',
  about:
    'Packets from one program to another of the same host, through the switch and by what the kernel and Node offer.',
  paperFound: 'nothing of this: its endpoints are DPDK’s.',
  differs: ['An agent in JavaScript, and programs whose packets it copies once each way.'],
  bounds: [
    {
      ratio: 'ppsVsUdpSockets',
      what: 'packets a second, 64 bytes ÷ UDP sockets over veth',
      paper: '–',
      atLeast: 5,
    },
    { ratio: 'ppsVsUdpSockets1500', what: 'the same, 1500 bytes', paper: '–' },
    { ratio: 'ppsVsAfPacket', what: 'packets a second, 64 bytes ÷ AF_PACKET', paper: '–' },
    { ratio: 'ppsVsMessagePort', what: 'the same ÷ MessagePort', paper: '–' },
  ],
  charts: (bench) => {
    const groups = [...new Set(Object.values(bench.measured).flatMap((cases) => Object.keys(cases)))];
    const words = { title: 'Packets from program to program', xLabel: '', yLabel: 'packets/s' };
    return [
      { name: 'packets', chart: { ...words, groups, series: inGroups(bench, 'packetsPerSecond', groups) } },
    ];
  },
};

function curves(bench: MeasuredBench, name: string, title: string, yLabel: string): NamedChart {
  return { name, chart: { title, xLabel: 'packets a burst', yLabel, series: drawn(bench, name) } };
}

function throughput(bench: MeasuredBench): NamedChart {
  const series = MIXTURES.flatMap((mixture) => {
    const cases = FLOWS.map((flows, at) => [at, flowsCase(mixture, flows)] as const);
    return overCases(bench, 'packetsPerSecond', cases).map((each) => ({ ...each, name: mixture }));
  });
  const groups = FLOWS.map((flows) => flows.toLocaleString('en-US'));
  const words = { title: 'Throughput of the switch', xLabel: 'active flows', yLabel: 'packets/s' };
  return { name: 'throughput', chart: { ...words, groups, series } };
}

function doorbells(bench: MeasuredBench): NamedChart {
  const series = inGroups(bench, 'packetsPerSecond', OPEN_QUEUES.map(bellCase));
  const groups = OPEN_QUEUES.map((count) => count.toLocaleString('en-US'));
  const words = {
    title: 'Reading packets from 16 of many queues',
    xLabel: 'open queues',
    yLabel: 'packets/s',
  };
  return { name: 'doorbells', chart: { ...words, yScale: 'log', groups, series } };
}
