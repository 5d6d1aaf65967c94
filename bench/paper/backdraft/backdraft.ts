// The document of Backdraft: its section 6, figure by figure.
import type { Paper } from '../paper.ts';
import { BURSTS, ENDPOINT, QUEUES } from './queues.ts';
import { SLOW_RECEIVER, SPREAD } from './slow-receivers.ts';

export const BACKDRAFT: Paper = {
  name: 'backdraft',
  title: 'Backdraft: what Selvage measures beside the paper',
  introduction: [
    'Backdraft is a virtual switch that does not drop: packets for a receiver that is slow for a moment wait, one queue a flow, ' +
      'and the sender’s switch is told to pause that flow and nothing else. Its authors built it into BESS with DPDK and ' +
      'measured on servers with cards of 10 and 100 Gbit/s; these measurements take place on one machine, in namespaces, with ' +
      'a switch that is a process, and programs that share its processors.',
    'What it is compared with is the same switch with parts of it switched off by configuration, as in the paper, beside what the ' +
      'kernel offers. Absolute figures of another machine cannot be compared; how the ways compare can.',
  ],
  sections: [SLOW_RECEIVER, BURSTS, QUEUES, SPREAD, ENDPOINT],
};
