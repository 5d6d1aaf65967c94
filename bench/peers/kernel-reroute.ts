// The kernel's own VXLAN, healed by `selvage reroute` on both hosts: nothing of the overlay is changed but the outer source
// ports of what would take a path that fails (ZooRoute §3).
import type { Testbed } from '../testbed.ts';
import { attachKernelVxlan } from './kernel-vxlan.ts';
import type { Peer } from './peer.ts';
import { RerouteProcesses } from './reroute.ts';

/** The processes run until the lab ends. */
export async function attachKernelReroute(testbed: Testbed): Promise<Peer> {
  const { settings, serverAddress } = await attachKernelVxlan(testbed);
  await RerouteProcesses.start(testbed);
  return {
    name: 'selvageReroute',
    title: 'Selvage, standalone',
    settings: `kernel VXLAN (${settings}), with \`selvage reroute\` on both hosts`,
    serverAddress,
  };
}
