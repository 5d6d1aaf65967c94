// Random re-pick over the kernel's VXLAN, as Linux has it: when TCP's retransmission timer runs out, the sender draws a new
// hash, and the receiver does so when it gets a segment again (protective reroute, SIGCOMM 2023). A container's hash
// reaches the kernel's VXLAN, which makes the outer source port of it; a virtual machine's does not. Each draw works with
// the probability that both directions are healthy: E[T] = 1 ÷ p² (ZooRoute §8).
import type { Lab } from '../../lab/lab.ts';
import type { Testbed } from '../testbed.ts';
import { attachKernelVxlan } from './kernel-vxlan.ts';
import type { Peer } from './peer.ts';

export async function attachRandomRepick(testbed: Testbed): Promise<Peer> {
  const { settings, serverAddress } = await attachKernelVxlan(testbed);
  for (const { name } of [testbed.client, testbed.server]) await setRepick(testbed.lab, name, true);
  return {
    name: 'randomRepick',
    title: 'random re-pick',
    settings: `kernel VXLAN (${settings}) between containers, whose TCP draws a new path at each timeout (net.core.txrehash)`,
    serverAddress,
  };
}

/** Off: the tenant's machine is like a virtual machine, whose hash its host does not see. */
export async function setRepick(lab: Lab, tenant: string, on: boolean): Promise<void> {
  const command = `[ ! -e ${SWITCH} ] || echo ${on ? 1 : 0} > ${SWITCH}`;
  await lab.run(tenant, ['sh', '-c', command]);
}

const SWITCH = '/proc/sys/net/core/txrehash';
