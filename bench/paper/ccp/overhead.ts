// Table 4.1 and figures 4.7 and 4.8 of CCP: what it costs that algorithms are outside of the datapath.
import { CPU_FLOWS, cpuCase, LOOPBACK_FLOWS, loopbackCase } from '../../benches/ccp-overhead.ts';
import { inGroups, overCases } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

export const OVERHEAD: PaperSection = {
  figures: 'Table 4.1, figures 4.7, 4.8',
  title: 'Overhead',
  bench: 'ccp-overhead',
  about:
    'Processor time at a fixed rate with ever more flows, throughput of a loopback interface that nothing limits, and the ' +
    'time from a report until the datapath sees what the algorithm made of it.',
  paperFound:
    'a flow on a loopback interface carries 43 Gbit/s under the kernel, 41 with a report every 10 ms and 29 with one for ' +
    'every acknowledgement. From 16 to 64 flows on a link of 10 Gbit/s the processors are twice as busy as under the ' +
    'kernel. A message to the kernel and back takes less than 30 µs at p95.',
  differs: [
    'The link has 1 Gbit/s and is between two namespaces, sender and receiver share one machine, and the kernel’s part of ' +
      'both is in the figures.',
    'The programs run in eBPF, and reports come through shared memory: no system call carries a report or a window.',
    'Here the way includes the algorithm itself, two threads that sleep, and the wait for the next acknowledgement; the ' +
      'thesis measures the bare message.',
  ],
  bounds: [
    {
      ratio: 'cpu64Flows',
      what: 'processor time a GB, 64 flows, ours ÷ the kernel’s',
      paper: '2.0',
      atMost: 1.5,
    },
    { ratio: 'cpu1Flow', what: 'the same, 1 flow', paper: 'above 1' },
    {
      ratio: 'throughput10ms',
      what: 'loopback, 1 flow, a report per 10 ms: ours ÷ the kernel’s',
      paper: '0.95',
      atLeast: 0.97,
    },
    { ratio: 'throughputPerRound', what: 'the same, a report per round trip or ms', paper: '–' },
    { ratio: 'throughputPerAck', what: 'the same, a report per ACK', paper: '0.67' },
    { ratio: 'throughput64Flows', what: 'the same, a report per 10 ms, 64 flows', paper: 'about 1' },
    { ratio: 'reportToEffectP95Micros', what: 'from report to effect, p95, µs', paper: 'below 30, bare' },
  ],
  charts: (bench) => [...['reno', 'cubic'].map((algorithm) => processors(bench, algorithm)), loopback(bench)],
};

function processors(bench: MeasuredBench, algorithm: string): NamedChart {
  const cases = CPU_FLOWS.map((flows) => [flows, cpuCase(algorithm, flows)] as const);
  const chart = {
    title: `Processor time at 1 Gbit/s, ${algorithm}`,
    xLabel: 'flows',
    yLabel: 'CPU s/GB',
    series: overCases(bench, 'cpuSecondsPerGB', cases),
  };
  return { name: `${algorithm}-processors`, chart };
}

function loopback(bench: MeasuredBench): NamedChart {
  const groups = LOOPBACK_FLOWS.map(loopbackCase);
  const series = inGroups(bench, 'gbitPerSecond', groups);
  const words = { title: 'Loopback interface', xLabel: '', yLabel: 'Gbit/s' };
  return { name: 'loopback', chart: { ...words, groups, series } };
}
