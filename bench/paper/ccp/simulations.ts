// Figure 4.9 and section 4.7.1 of CCP, in virtual time: what rare reports cost in an incast, and what Nimbus sees.
import { incastCase, LINKS, PACKETS_EACH, REPORT_MICROS } from '../../benches/ccp-incast.ts';
import { ELASTICITY_CHART } from '../../benches/ccp-nimbus.ts';
import { drawn } from '../curves.ts';
import type { NamedChart, PaperSection } from '../paper.ts';
import type { MeasuredBench } from '../results.ts';

export const CCP_INCAST: PaperSection = {
  figures: 'Figure 4.9',
  title: 'Short round trips and fast links',
  bench: 'ccp-incast',
  about:
    'Fifty senders to one receiver, 20 µs apart, on links of 10 and 40 Gbit/s: when has the last flow ended, when the ' +
    'algorithm acts only once in a while on what it heard a round trip ago?',
  paperFound:
    'at 10 Gbit/s within 15 to 20 % of the datapath by itself, with reports every 10 to 500 µs; at 40 Gbit/s within 10 % up to ' +
    '100 µs and more than twice as long beyond, for flows of 100 packets only.',
  differs: [
    'The simulator is ours instead of ns-2. The thesis does not say how long the queue is, how windows begin, and when a ' +
      'timeout comes, and much depends on these: queues of several lengths take turns.',
    'The baseline is the program that flows fall back to, Reno for every acknowledgement.',
  ],
  bounds: [
    {
      ratio: 'tailAt10GbitTo500Micros',
      what: 'last completion at 10 Gbit/s, in the datapath ÷ outside, reports every 500 µs or more often',
      paper: '0.83–0.87',
      atLeast: 0.83,
    },
    {
      ratio: 'tailAt40GbitTo100Micros',
      what: 'the same at 40 Gbit/s, every 100 µs or more often',
      paper: '0.9',
      atLeast: 0.9,
    },
    { ratio: 'tailAt40GbitTo1000Micros', what: 'the same, every ms or more often', paper: 'below 0.5' },
  ],
  charts: (bench) => LINKS.map((link) => slowdown(bench, link)),
};

function slowdown({ measured }: MeasuredBench, link: (typeof LINKS)[number]): NamedChart {
  const tail = (peer: string, packets: number, micros: number) =>
    measured[peer]?.[incastCase(link, packets, micros)]?.['tailMicros']?.median;
  const micros = REPORT_MICROS.filter((each) => tail('selvage', PACKETS_EACH[0]!, each) !== undefined);
  const series = PACKETS_EACH.map((packets) => ({
    name: `${packets} packets`,
    points: micros.flatMap((each, x) => {
      const [ours, datapath] = [tail('selvage', packets, each), tail('inDatapath', packets, each)];
      return ours === undefined || datapath === undefined ? [] : [{ x, y: ours / datapath }];
    }),
  }));
  return {
    name: `${link.gbitPerSecond}-gbit`,
    chart: {
      title: `Last completion at ${link.gbitPerSecond} Gbit/s`,
      xLabel: 'µs between reports',
      yLabel: 'outside ÷ in the datapath',
      groups: micros.map(String),
      series,
    },
  };
}

export const NIMBUS: PaperSection = {
  figures: 'Section 4.7.1',
  title: 'A sophisticated algorithm',
  bench: 'ccp-nimbus',
  about:
    'Nimbus pulses its rate and finds in the spectrum of the cross traffic whether that yields: it competes as Cubic when ' +
    'it does, and controls delay when it does not.',
  paperFound: 'that it can be written; the thesis measures nothing here.',
  differs: [
    'What is asked is this project’s own; Nimbus’ authors say 90 % and more of their detector.',
    'Simulated links, and cross traffic of the kinds that its authors name.',
  ],
  bounds: [
    { ratio: 'rightWindows', what: 'windows judged rightly', paper: '–', atLeast: 0.95 },
    { ratio: 'rightElastic', what: 'the same, beside elastic traffic', paper: '–' },
    { ratio: 'rightInelastic', what: 'the same, beside inelastic traffic', paper: '–' },
    { ratio: 'rightInWorstCase', what: 'the same, worst case', paper: '–' },
  ],
  charts: (bench) => [
    {
      name: 'elasticity',
      chart: {
        title: 'Elasticity of the last five seconds; cross traffic begins at 10 s',
        xLabel: 'seconds',
        yLabel: 'elasticity',
        series: drawn(bench, ELASTICITY_CHART),
      },
    },
  ],
};
