// Figures 19 and 22 of BIFROST: losses inside the host, and what reliability costs in memory.
import { drawn } from '../curves.ts';
import type { PaperSection } from '../paper.ts';

export const INCAST: PaperSection = {
  figures: 'Figure 19',
  title: 'Incast into a host that loses packets',
  bench: 'incast',
  about: 'Eight senders to one receiver, in whose host a changing share of packets is lost.',
  paperFound:
    'retransmissions of the guests fall by 69.1 to 90.0 % when BIFROST is switched on at half-time.',
  differs: [
    'The peers run one after the other and in turns instead of one being switched on at half-time.',
    'Selvage’s vNIC refuses writes on top of the losses; the kernel’s loses no more than its share on arrival.',
  ],
  bounds: [
    {
      ratio: 'retransmissionsFall',
      what: 'share of the guests’ retransmissions a GB saved',
      paper: '0.69–0.90',
      atLeast: 0.9,
    },
  ],
  charts: (bench) => [
    {
      name: 'retransmissions',
      chart: {
        title: 'Retransmissions of all eight senders so far',
        xLabel: 'seconds',
        yLabel: 'TCP retransmissions',
        series: drawn(bench, 'cumulative retransmissions'),
      },
    },
  ],
};

export const STATE: PaperSection = {
  figures: 'Figure 22, §6.1.4',
  title: 'Memory of connections',
  bench: 'state',
  about: 'What a connection holds when it is idle, when it is active, and while it sends ever faster.',
  paperFound:
    '12 KB a connection with pooled resources (34 KB without), some 500 KB more at 10 Gbit/s, and 70 % fewer connections ' +
    'by aggregation to pairs of vNICs.',
  differs: [
    'In one process and in virtual time, for both ends; the paper measured the sender’s card.',
    'How many 5-tuples share a pair of vNICs is the paper’s customers’ doing: the saving is given for several numbers.',
  ],
  bounds: [
    {
      ratio: 'bytesPerActiveConnection',
      what: 'bytes an active connection',
      paper: '12 KB',
      atMost: 12_288,
    },
    { ratio: 'bytesPerIdleConnection', what: 'bytes an idle connection', paper: '–', atMost: 512 },
    {
      ratio: 'savedAt4FlowsAPair',
      what: 'share of memory saved by aggregation, 4 flows a pair',
      paper: '0.70 of connections',
    },
  ],
  charts: (bench) => [
    {
      name: 'memory',
      chart: {
        title: 'Memory of the sending transport with one connection',
        xLabel: 'Gbit/s',
        yLabel: 'KB',
        series: drawn(bench, 'sender memory'),
      },
    },
  ],
};
