// The kernel's own VXLAN as the lab sets it up: its offloads on, nothing to learn, no ARP to lose.
import { VXLAN_OVERHEAD_BYTES } from '../../lab/addressing.ts';
import type { Testbed } from '../testbed.ts';
import type { Peer } from './peer.ts';

export async function attachKernelVxlan({ lab, client, server }: Testbed): Promise<Peer> {
  await lab.attachKernelVxlan([client.name, server.name]);
  return {
    name: 'kernelVxlan',
    title: 'kernel VXLAN',
    settings: `MTU ${lab.topology.mtu - VXLAN_OVERHEAD_BYTES}, all offloads`,
    serverAddress: server.kernel.address,
  };
}
