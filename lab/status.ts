// What is up in a lab and what its faults have done, for people and programs.
import { fabricAddresses, tenantAddresses } from './addressing.ts';
import { readDrops } from './apply-faults.ts';
import { netnsOf } from './build.ts';
import { formatConditions, type LinkConditions } from './conditions.ts';
import { readEmulatorCounts } from './emulate-link.ts';
import { isEmulated } from './faults.ts';
import { isAlive } from './process.ts';
import type { LabState } from './state.ts';
import { tool } from './tools.ts';
import type { NodeRole, TopologyLink } from './topology.ts';

export interface DirectionStatus {
  /** Packets that vanished since the fault began: in a blackhole, at random, in front of a full queue. */
  readonly blackholed: number;
  readonly lost: number;
  readonly queueDrops: number;
}

export interface LinkStatus {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly conditions: LinkConditions;
  /** The same in words; empty when healthy. */
  readonly summary: string;
  readonly aToB: DirectionStatus;
  readonly bToA: DirectionStatus;
}

export interface LabStatus {
  readonly name: string;
  readonly ownerPid: number | undefined;
  readonly nodes: readonly {
    readonly name: string;
    readonly role: NodeRole;
    readonly netns: string;
    readonly address: string | undefined;
  }[];
  readonly links: readonly LinkStatus[];
  readonly tenants: readonly {
    readonly name: string;
    readonly host: string;
    /** Addresses of its interfaces; undefined where it is not attached. */
    readonly selvage: string | undefined;
    readonly kernelVxlan: string | undefined;
  }[];
  readonly processes: readonly {
    readonly kind: string;
    readonly subject: string;
    readonly pid: number;
    readonly alive: boolean;
  }[];
}

export async function readStatus(state: LabState): Promise<LabStatus> {
  const { name, owner, topology, kernelTenants, processes } = state;
  const addresses = fabricAddresses(topology);
  const links = await Promise.all(topology.links.map((link) => readLink(state, link)));
  const agents = processes.filter(({ kind }) => kind === 'agent').map(({ subject }) => subject);
  return {
    name,
    ownerPid: owner?.pid,
    nodes: topology.nodes.map((node) => ({
      ...node,
      netns: netnsOf(name, node.name),
      address: addresses.get(node.name),
    })),
    links,
    tenants: tenantAddresses(topology).map((tenant) => ({
      name: tenant.name,
      host: tenant.host,
      selvage: agents.includes(tenant.host) ? tenant.selvage.address : undefined,
      kernelVxlan: kernelTenants.includes(tenant.name) ? tenant.kernel.address : undefined,
    })),
    processes: processes.map((process) => ({
      kind: process.kind,
      subject: process.subject,
      pid: process.pid,
      alive: isAlive(process),
    })),
  };
}

async function readLink(state: LabState, link: TopologyLink): Promise<LinkStatus> {
  const { name, a, b } = link;
  const conditions = state.conditions[name] ?? {};
  const [aToB, bToA] = await Promise.all([
    readDirection(state, name, conditions, a, b, 'a>b'),
    readDirection(state, name, conditions, b, a, 'b>a'),
  ]);
  return { name, a, b, conditions, summary: formatConditions(conditions, link), aToB, bToA };
}

async function readDirection(
  state: LabState,
  link: string,
  conditions: LinkConditions,
  from: string,
  to: string,
  direction: 'a>b' | 'b>a',
): Promise<DirectionStatus> {
  const { blackhole, lossPpm, rateBitsPerSecond } = conditions;
  const dropsHere = lossPpm !== undefined || blackhole === 'both' || blackhole === direction;
  const { blackholed, lost } = dropsHere ? await readDrops(state.name, to, from) : { blackholed: 0, lost: 0 };
  if (isEmulated(conditions)) {
    const counts = readEmulatorCounts(state.name, link);
    return { blackholed, lost, queueDrops: counts?.[direction === 'a>b' ? 0 : 1]?.dropped ?? 0 };
  }
  if (rateBitsPerSecond === undefined) return { blackholed, lost, queueDrops: 0 };
  return { blackholed, lost, queueDrops: await readQueueDrops(netnsOf(state.name, from), to) };
}

async function readQueueDrops(netns: string, device: string): Promise<number> {
  const [qdisc] = JSON.parse(
    await tool('tc', netns, ['-statistics', '-json', 'qdisc', 'show', 'dev', device]),
  );
  return qdisc?.drops ?? 0;
}
