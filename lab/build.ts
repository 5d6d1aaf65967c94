// Builds the namespaces, links and routes of a lab, and removes all that belongs to one, from its state alone.

import { runTool } from '../src/linux/ip.ts';
import { linksOf, peerOf } from './addressing.ts';
import {
  creationBatch,
  namespaceBatch,
  nodeBatch,
  nodeSettings,
  routeBatch,
  type Setting,
} from './build-plan.ts';
import { namespacesWithPrefix, removeNamespaces } from './namespaces.ts';
import { endProcess } from './process.ts';
import { type LabState, netnsPrefix, readState, removeState, withLabLock } from './state.ts';
import { batch } from './tools.ts';

export function netnsOf(lab: string, node: string): string {
  return `${netnsPrefix(lab)}${node}`;
}

export async function buildFabric({ name, topology }: LabState): Promise<void> {
  const netns = (node: string) => netnsOf(name, node);
  await batch('ip', undefined, namespaceBatch(topology, netns));
  await batch('ip', netns(topology.nodes[0]!.name), creationBatch(topology, netns));
  await Promise.all(
    topology.nodes.map(async (node) => {
      await batch('ip', netns(node.name), nodeBatch(topology, node));
      await writeSettings(netns(node.name), nodeSettings(topology, node));
    }),
  );
}

/** After a link of the node was down. Routes over others that still are have to wait for those. */
export async function restoreRoutes(
  { name, topology, conditions }: LabState,
  node: string,
  link: string,
): Promise<void> {
  const away = linksOf(topology, node)
    .filter((other) => other.name !== link && conditions[other.name]?.carrier === 'down')
    .map((other) => peerOf(other, node));
  const { role } = topology.nodes.find((one) => one.name === node)!;
  await batch('ip', netnsOf(name, node), routeBatch(topology, { name: node, role }, away));
}

/** Ends every process of the lab and removes its namespaces and files. Also for labs that were half built. */
export function destroyLab(state: LabState): Promise<void> {
  return withLabLock(state.name, async () => {
    // Read again: it may have changed until the lock was ours.
    const { processes } = readState(state.name) ?? state;
    await Promise.all(processes.map((process) => endProcess(process)));
    await removeNamespaces(namespacesWithPrefix(netnsPrefix(state.name)));
    removeState(state.name);
  });
}

async function writeSettings(netns: string, settings: readonly Setting[]): Promise<void> {
  if (settings.length === 0) return;
  const lines = settings.map(({ path, value, where }) => {
    const file = `/proc/sys/${path}`;
    const unlessAbsent = where === undefined ? '' : `[ ! -e /proc/sys/${where} ] || `;
    return `${unlessAbsent}echo ${value} > ${file}`;
  });
  await runTool({ path: '/bin/sh' }, ['-e'], { netns, input: `${lines.join('\n')}\n` });
}
