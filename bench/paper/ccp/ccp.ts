// The document of CCP (the thesis, chapter 4): its sections 4.4 to 4.7, figure by figure.
import type { Paper } from '../paper.ts';
import { AGGREGATE, ANYWHERE } from './capabilities.ts';
import { FIDELITY } from './fidelity.ts';
import { OVERHEAD } from './overhead.ts';
import { CCP_INCAST, NIMBUS } from './simulations.ts';

export const CCP: Paper = {
  name: 'ccp',
  title: 'CCP: what Selvage measures beside the paper',
  introduction: [
    'CCP takes congestion control out of the datapath: a small program runs for every acknowledgement, an algorithm in ' +
      'another address space hears of it about once a round trip and decides. Its authors measured with a kernel module ' +
      'for Linux 4.14, Mahimahi’s emulated links and two servers; these measurements take place on one machine, with an ' +
      'unmodified kernel, links emulated by `selvage emulate`, and programs in eBPF.',
    'Selvage’s algorithms and the kernel’s own take turns on the same links with the same seeds. Absolute figures of ' +
      'another machine cannot be compared; how the two compare can.',
  ],
  sections: [OVERHEAD, FIDELITY, CCP_INCAST, NIMBUS, AGGREGATE, ANYWHERE],
};
