// The papers whose evaluation is repeated. Light, so that `--help` can list them.
import type { Paper } from './paper.ts';

export interface NamedPaper {
  /** As it is named on the command line, and its files. */
  readonly name: string;
  readonly about: string;
  readonly load: () => Promise<Paper>;
}

export const PAPERS: readonly NamedPaper[] = [
  {
    name: 'bifrost',
    about: 'reliable multipath transport; about three quarters of an hour',
    load: async () => (await import('./bifrost/bifrost.ts')).BIFROST,
  },
  {
    name: 'ccp',
    about: 'congestion control off the datapath; about half an hour',
    load: async () => (await import('./ccp/ccp.ts')).CCP,
  },
  {
    name: 'backdraft',
    about: 'a virtual switch that does not drop; about a quarter of an hour',
    load: async () => (await import('./backdraft/backdraft.ts')).BACKDRAFT,
  },
  {
    name: 'zooroute',
    about: 'rerouting before tenants notice; about twenty minutes',
    load: async () => (await import('./zooroute/zooroute.ts')).ZOOROUTE,
  },
];
