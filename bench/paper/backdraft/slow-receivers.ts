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
    'Redis with ten clients on the same switch.',
  paperFound:
    'at its slowest receiver Backdraft’s 99th percentile is 5.65 times lower than with a lossy switch and 45.2 times lower than ' +
    'with back-pressure on a shared queue, at 1.9 times the goodput; with Homa 20 times lower. Nothing is dropped.',
  differs: [
    'Redis instead of Memcached; its tenants have TAPs and the kernel’s TCP, the datagrams native endpoints.',
    'Goodput counts messages: datagrams that were worked on, and requests answered.',
    'Backdraft’s doorbells cannot be switched off apart: figure 16 has what they save.',
    'Sender, Redis, its clients and the switch share the cores of one machine; so the receiver waits where the paper’s computes. A ' +
      'switch that drops costs its sender nothing: it takes the processor from the victim.',
    'The lossy switch has one queue for each vNIC, which all of its flows share; back-pressure has one for all vNICs.',
  ],
  bounds: [
    {
      ratio: 'victimP99VsBp',
      what: 'p99 of Redis at 1/20: back-pressure ÷ ours',
      paper: '45.2',
      atLeast: 20,
    },
    { ratio: 'victimP99VsLossy', what: 'the same, lossy ÷ ours', paper: '5.65', atLeast: 5 },
    { ratio: 'goodputVsLossy', what: 'goodput at 1/20: ours ÷ lossy', paper: '1.9', atLeast: 1.9 },
    { ratio: 'requestsVsLossy', what: 'requests of Redis, the same', paper: '–' },
    { ratio: 'dropsPerSecond', what: 'drops a second, the most of all speeds', paper: '0', atMost: 0 },
    { ratio: 'victimP99VsKernelBridge', what: 'p99 of Redis at 1/20: kernel bridge ÷ ours', paper: '–' },
  ],
  charts: (bench) => [
    bars(bench, 'latency', 'victimP99Millis', 'Redis beside a slow receiver', 'p99, ms', 'log'),
    bars(bench, 'goodput', 'goodputPerSecond', 'Goodput beside a slow receiver', 'messages/s'),
    bars(bench, 'drops', 'dropsPerSecond', 'Drops', 'drops/s'),
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
    'Connections between the hosts are reliable but for the row “lossy”, which is plain VXLAN; so back-pressure drops nothing ' +
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
  const groups = [...new Set(Object.values(bench.measured).flatMap((cases) => Object.keys(cases)))];
  const series = inGroups(bench, metric, groups);
  return { name, chart: { title, xLabel: '', yLabel, yScale, groups, series } };
}
