// Carries out the steps of a fault plan in a lab's namespaces, and reads what the faults have done so far.

import { netnsOf, restoreRoutes } from './build.ts';
import { emulateLink } from './emulate-link.ts';
import { dropTable, type FaultStep } from './faults.ts';
import type { LabState } from './state.ts';
import { batch, tool } from './tools.ts';

type Limits = Record<string, number>;

/** Takes the steps in order. `remember` is told of each change of the state as soon as it is made. */
export async function applyFaults(
  state: LabState,
  steps: readonly FaultStep[],
  remember: (state: LabState) => void,
): Promise<LabState> {
  let current = state;
  for (const step of steps) {
    const next = await applyStep(current, step);
    if (next !== current) remember(next);
    current = next;
  }
  return current;
}

async function applyStep(state: LabState, step: FaultStep): Promise<LabState> {
  if (step.kind === 'emulate') return { ...state, processes: await emulateLink(state, step.link, step.as) };
  const netns = netnsOf(state.name, step.node);
  switch (step.kind) {
    case 'nft':
      await tool('nft', netns, ['-f', '-'], `${step.script.join('\n')}\n`);
      return state;
    case 'ip':
    case 'tc':
      await batch(step.kind, netns, [...step.lines]);
      return state;
    case 'segment': {
      const change = step.on ? cutBundles : leaveBundles;
      const key = `${step.node}/${step.interface}`;
      return { ...state, segmentLimits: await change(netns, step.interface, key, state.segmentLimits) };
    }
    case 'checksum': {
      const value = step.on ? 'off' : 'on';
      const features = ['tx-checksum-ip-generic', value, 'tx-checksum-sctp', value];
      await tool('ethtool', netns, ['-K', step.interface, ...features]);
      return state;
    }
    case 'routes':
      await restoreRoutes(state, step.node, step.link);
      return state;
  }
}

/**
 * A device that takes one segment at most has its packets cut by the kernel before they reach it, whatever their
 * kind (TCP inside VXLAN, UDP_SEGMENT); turning single offloads off would leave some whole.
 */
async function cutBundles(
  netns: string,
  device: string,
  key: string,
  limits: Readonly<Limits>,
): Promise<Limits> {
  const [link] = JSON.parse(await tool('ip', netns, ['-details', '-json', 'link', 'show', 'dev', device]));
  await batch('ip', netns, [`link set dev ${device} gso_max_segs 1`]);
  return { [key]: link.gso_max_segs, ...limits };
}

async function leaveBundles(
  netns: string,
  device: string,
  key: string,
  limits: Readonly<Limits>,
): Promise<Limits> {
  const { [key]: limit, ...rest } = limits;
  if (limit !== undefined) await batch('ip', netns, [`link set dev ${device} gso_max_segs ${limit}`]);
  return rest;
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
