// What was dropped on the way of datagrams: by agents, as they count it, or in front of sockets, as the kernel does.
import type { Lab } from '../../../lab/lab.ts';
import type { DropReason } from '../../../src/vswitch/drops.ts';
import { agentStatus } from '../../peers/selvage.ts';
import type { Testbed } from '../../testbed.ts';

/** For want of room; what tenants' kernels send that nobody is there for (router solicitations) has other reasons. */
const NO_ROOM: readonly DropReason[] = [
  'queueFull',
  'noRing',
  'inputFull',
  'noMemory',
  'handoverFull',
  'vnicFull',
  'noReceiveRing',
];

/** By switches of these hosts. */
export async function droppedByAgents(testbed: Testbed, hosts: readonly string[]): Promise<number> {
  const agents = await Promise.all(hosts.map((host) => agentStatus(testbed, host)));
  const counts = agents.flatMap(({ dropped }) => NO_ROOM.map((reason) => dropped[reason] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Datagrams that found a full socket in one of these namespaces. */
export async function droppedBySockets(lab: Lab, nodes: readonly string[]): Promise<number> {
  const read = async (node: string) => receiveErrors((await lab.run(node, ['cat', '/proc/net/snmp'])).stdout);
  const counts = await Promise.all(nodes.map(read));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** RFC 4113, udpInErrors. */
export function receiveErrors(procNetSnmp: string): number {
  const [names, values] = procNetSnmp.split('\n').filter((line) => line.startsWith('Udp:'));
  const at = names!.split(' ').indexOf('InErrors');
  return Number(values!.split(' ')[at]);
}
