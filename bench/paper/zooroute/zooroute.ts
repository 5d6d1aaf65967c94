// The document of ZooRoute: its section 7 and table 1, figure by figure.
import type { Paper } from '../paper.ts';
import { MIDDLEBOX, OVERHEAD } from './costs.ts';
import { OUTAGE } from './outage.ts';
import { PROBES, TABLE, UPDATES } from './tables.ts';

export const ZOOROUTE: Paper = {
  name: 'zooroute',
  title: 'ZooRoute: what Selvage measures beside the paper',
  introduction: [
    'ZooRoute has hosts probe the paths between each other and move tenants’ traffic to paths known to work by changing outer ' +
      'source ports. Its authors report 26 months in a cloud; these measurements take place on one machine, in network ' +
      'namespaces with real kernels, unmodified programs and faults made on purpose. Absolute figures cannot be compared; how ' +
      'long tenants are out of service while a path fails can.',
    'Selvage uses it twice: `selvage reroute` heals the kernel’s own VXLAN (called standalone here), and in Selvage’s own ' +
      'network the transport’s acknowledgements judge the paths. All systems run at the same time, on one fabric.',
  ],
  sections: [PROBES, TABLE, UPDATES, MIDDLEBOX, OVERHEAD, OUTAGE],
};
