// The document of BIFROST (NSDI 2026): its section 6 and appendices E and F, figure by figure.
import type { Paper } from '../paper.ts';
import { CONGESTION, EVERYTHING_ON, NGINX, REDIS } from './applications.ts';
import { ELEPHANTS, FAILURES, REORDERING } from './paths.ts';
import { INCAST, STATE } from './reliability.ts';

export const BIFROST: Paper = {
  name: 'bifrost',
  title: 'BIFROST: what Selvage measures beside the paper',
  introduction: [
    'BIFROST is a reliable multipath transport below the tenants’ network. Its authors measured on servers with SmartNICs ' +
      'in a cloud; these measurements take place in network namespaces of one machine, with real kernels and unmodified ' +
      'programs. Absolute figures therefore cannot be compared, only what changes when the network fails.',
    'Peers run beside each other on the same fabric and in turns. Where the paper has the vanilla VPC, the kernel’s own ' +
      'VXLAN stands here, with all its offloads, and where paths matter MPTCP over it. A ratio that is asked to be at ' +
      'least something grows as Selvage improves.',
  ],
  sections: [ELEPHANTS, FAILURES, REORDERING, INCAST, STATE, REDIS, NGINX, CONGESTION, EVERYTHING_ON],
};
