// Figures 9, 10, 13 and 15, A.2 and table 3 of Backdraft: who pays for a slow receiver, on one host and over a network.
import { drawn, inGroups } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

export const SLOW_RECEIVER: PaperSection = {
  figures: 'Figures 9, 10, A.2',
  title: 'A slow receiver on the same host',
  bench: 'slow-receiver',
  about:
    '50 flows of datagrams to a receiver that needs as long for each packet as the switch for 1, 4 or 20, beside ' +
    'Redis with ten clients on the same switch. And, as in A.2, beside as many flows to a receiver that takes whatever comes.',
  paperFound:
    'at its slowest receiver Backdraft’s 99th percentile is 5.65 times lower than with a lossy switch and 45.2 times lower than ' +
    'with back-pressure on a shared queue, at 1.9 times the goodput; with Homa 20 times lower. Nothing is dropped. The flow to the ' +
    'fast receiver has 19 million packets a second instead of 10.',
  differs: [
    'Redis instead of Memcached; its tenants have TAPs and the kernel’s TCP, which waits 200 ms for what was lost, where the paper’s ' +
      'is TAS; the datagrams have native endpoints.',
    'A switch that is as fast as the paper’s for its processor is not at hand, so how slow the receiver is is told in how fast the switch is, ' +
      'and not in cycles.',
    'Sender, Redis, its clients and the switch share the cores of one machine; so the receiver waits where the paper’s computes. A ' +
      'sender cannot be made to lose: a native endpoint whose queue is full sees it, and goes on when there is room.',
    'The paper’s text gives its lossy switch a queue a vNIC (§2); the pipelines that its authors published with it, for figures 9 and 10 ' +
      'alike, have one queue in front of the switch, too, for all that comes. Both are here; what is asked is asked of the latter.',
  ],
  bounds: [
    {
      ratio: 'victimP99VsBp',
      what: 'p99 of Redis at 1/20: back-pressure ÷ ours',
      paper: '45.2',
      atLeast: 20,
    },
    { ratio: 'victimP99VsLossy', what: 'the same, lossy ÷ ours', paper: '5.65', atLeast: 5 },
    { ratio: 'victimP50VsLossy', what: 'the same, medians', paper: '–' },
    { ratio: 'victimP99VsLossyPerVnic', what: 'p99 at 1/20: lossy with a queue a vNIC ÷ ours', paper: '–' },
    { ratio: 'victimP99VsKernelVxlan', what: 'the same, kernel VXLAN ÷ ours', paper: '–' },
    { ratio: 'victimP99VsOpenVswitch', what: 'the same, Open vSwitch ÷ ours', paper: '–' },
    { ratio: 'goodputVsLossy', what: 'goodput at 1/20: ours ÷ lossy', paper: '1.9', atLeast: 1.9 },
    { ratio: 'goodputVsLossyPerVnic', what: 'the same, ours ÷ lossy with a queue a vNIC', paper: '–' },
    { ratio: 'requestsVsLossy', what: 'requests of Redis: ours ÷ lossy', paper: '–' },
    { ratio: 'fastFlowsVsLossy', what: 'A.2, the flows to a fast receiver: ours ÷ lossy', paper: '1.9' },
    { ratio: 'fastFlowsVsLossyPerVnic', what: 'the same, ours ÷ lossy with a queue a vNIC', paper: '–' },
    { ratio: 'dropsPerSecond', what: 'drops a second, the most of all cases', paper: '0', atMost: 0 },
  ],
  charts: (bench) => [
    bars(bench, 'latency', 'victimP99Millis', 'Redis beside a slow receiver', 'p99, ms', 'log'),
    bars(bench, 'goodput', 'goodputMegabits', 'Goodput beside a slow receiver', 'Mbit/s'),
    bars(bench, 'drops', 'dropsPerSecond', 'Drops', 'drops/s'),
    bars(
      bench,
      'fast',
      'fastPerSecond',
      'Flows to a fast receiver beside those to the slow one',
      'datagrams/s',
    ),
  ],
};

export const SPREAD: PaperSection = {
  figures: 'Figures 13 and 15, table 3',
  title: 'A slow receiver on another host',
  bench: 'spread',
  about:
    'Two flows from one host to another over a lossy fabric: a victim, and one to a receiver that takes about a quarter of what is ' +
    'sent. Later that receiver doubles its speed.',
  paperFound:
    'with overlay pauses both flows keep their throughput (2.3 and 21.98 Gbit/s) and nothing is dropped, where the lossy ' +
    'switch drops 1.6 million packets a second; a receiver that doubles its speed is fed at it, where back-pressure starves it.',
  differs: [
    'Connections between the hosts are reliable but for the lossy row, which is plain VXLAN; so back-pressure drops nothing ' +
      'either, and stops the victim’s connection.',
    'The victim has a fixed rate, so that what it keeps does not depend on how the machine’s cores are shared.',
  ],
  bounds: [
    { ratio: 'victimKept', what: 'the victim’s throughput ÷ alone', paper: '1.0', atLeast: 0.95 },
    { ratio: 'drops', what: 'drops by both switches', paper: '0', atMost: 0 },
    {
      ratio: 'fedAfterMillis',
      what: 'until a receiver twice as fast is fed at its speed, ms',
      paper: '–',
      atMost: 50,
    },
  ],
  charts: (bench) => [
    bars(bench, 'kept', 'kept', 'The victim beside the slow flow', '÷ alone'),
    {
      name: 'feeding',
      chart: {
        title: 'A receiver that becomes twice as fast',
        xLabel: 'ms',
        yLabel: 'packets/s',
        series: drawn(bench, 'feeding'),
      },
    },
  ],
};

function bars(
  bench: MeasuredBench,
  name: string,
  metric: string,
  title: string,
  yLabel: string,
  yScale: 'linear' | 'log' = 'linear',
): NamedChart {
  const cases = Object.values(bench.measured).flatMap((each) => Object.entries(each));
  const groups = [...new Set(cases.filter(([, metrics]) => metric in metrics).map(([name]) => name))];
  const series = inGroups(bench, metric, groups);
  return { name, chart: { title, xLabel: '', yLabel, yScale, groups, series } };
}
