// Carries out the steps of a fault plan in a lab's namespaces, and reads what the faults have done so far.
import { netnsOf, restoreRoutes } from './build.ts';
import { dropTable, type FaultStep } from './faults.ts';
import type { LabState } from './state.ts';
import { batch, tool } from './tools.ts';

type Limits = Record<string, number>;

/** What to remember of it in the lab's state. */
export type StateChange = Pick<LabState, 'segmentLimits' | 'processes'>;

export async function applyFaults(state: LabState, steps: readonly FaultStep[]): Promise<StateChange> {
  const limits: Limits = { ...state.segmentLimits };
  for (const step of steps) await applyStep(state, step, limits);
  return { segmentLimits: limits, processes: state.processes };
}

async function applyStep(state: LabState, step: FaultStep, limits: Limits): Promise<void> {
  const netns = (node: string) => netnsOf(state.name, node);
  switch (step.kind) {
    case 'nft':
      await tool('nft', netns(step.node), ['-f', '-'], `${step.script.join('\n')}\n`);
      return;
    case 'ip':
    case 'tc':
      return batch(step.kind, netns(step.node), [...step.lines]);
    case 'segment':
      return step.on
        ? cutBundles(netns(step.node), step.interface, `${step.node}/${step.interface}`, limits)
        : leaveBundles(netns(step.node), step.interface, `${step.node}/${step.interface}`, limits);
    case 'checksum': {
      const value = step.on ? 'off' : 'on';
      const features = ['tx-checksum-ip-generic', value, 'tx-checksum-sctp', value];
      await tool('ethtool', netns(step.node), ['-K', step.interface, ...features]);
      return;
    }
    case 'routes':
      return restoreRoutes(state, state.topology.nodes.find((node) => node.name === step.node)!);
  }
}

/**
 * A device that takes one segment at most has its packets cut by the kernel before they reach it, whatever their
 * kind (TCP inside VXLAN, UDP_SEGMENT); turning single offloads off would leave some whole.
 */
async function cutBundles(netns: string, device: string, key: string, limits: Limits): Promise<void> {
  const [link] = JSON.parse(await tool('ip', netns, ['-details', '-json', 'link', 'show', 'dev', device]));
  limits[key] ??= link.gso_max_segs;
  await batch('ip', netns, [`link set dev ${device} gso_max_segs 1`]);
}

async function leaveBundles(netns: string, device: string, key: string, limits: Limits): Promise<void> {
  const limit = limits[key];
  if (limit === undefined) return;
  await batch('ip', netns, [`link set dev ${device} gso_max_segs ${limit}`]);
  delete limits[key];
}

export interface ArrivalCounts {
  /** Packets that vanished in a blackhole, and at random. */
  readonly blackholed: number;
  readonly lost: number;
}

/** What the faults of a link dropped of that which arrived at `node` from `peer`, since they began. */
export async function readDrops(lab: string, node: string, peer: string): Promise<ArrivalCounts> {
  const answer = await tool('nft', netnsOf(lab, node), [
    '-j',
    'list',
    'counters',
    'table',
    'inet',
    dropTable(peer),
  ]);
  const entries: { counter?: { name: string; packets: number } }[] = JSON.parse(answer).nftables;
  const packets = (name: string) =>
    entries.find((entry) => entry.counter?.name === name)?.counter?.packets ?? 0;
  return { blackholed: packets('blackholed'), lost: packets('lost') };
}
