// Three stateful balancers behind one anycast VTEP (ZooRoute §6, §7.1, figure 19): hosts of a rack with the same address, among
// which their leaf chooses by the outer header, as it does among spines. Each gives connections to the virtual address to a
// server by DNAT, and keeps their state for itself: what comes to another one has no connection there.
import { KERNEL_VNI, VXLAN_OVERHEAD_BYTES } from '../../lab/addressing.ts';
import { VXLAN_DEVICE, KERNEL_VXLAN_PORT as VXLAN_PORT } from '../../lab/kernel-vxlan.ts';
import type { Lab } from '../../lab/lab.ts';
import { batch } from '../../lab/tools.ts';
import { type Topology, topologyOf } from '../../lab/topology.ts';
import { HTTP_PORT } from '../workloads/nginx.ts';

export const BALANCERS = ['balancer1', 'balancer2', 'balancer3'] as const;
export const CLIENT_HOST = 'client1';
export const CLIENT = 'client';
export const SERVER_HOST = 'server1';

/** Of the balancers' VTEP: of their rack, so that the spines know the way. */
export const ANYCAST_VTEP = '10.0.2.250';
/** What clients connect to. */
export const VIRTUAL_ADDRESS = '192.168.78.250';
const VIRTUAL_MAC = '02:78:00:00:00:fa';

export function middleboxTopology(): Topology {
  return topologyOf({
    racks: [
      { name: 'rack1', leaf: 'leaf1', hosts: [CLIENT_HOST] },
      { name: 'rack2', leaf: 'leaf2', hosts: [...BALANCERS, SERVER_HOST] },
    ],
    tenants: [{ name: CLIENT, host: CLIENT_HOST }],
  });
}

export async function buildBalancers(lab: Lab): Promise<void> {
  const [, rack] = lab.topology.racks;
  const hops = BALANCERS.map((name) => `nexthop via ${lab.node(name).address} dev ${name}`);
  await batch('ip', lab.node(rack!.leaf).netns, [`route replace ${ANYCAST_VTEP}/32 ${hops.join(' ')}`]);
  await Promise.all(BALANCERS.map((name) => buildBalancer(lab, name)));
  await joinClient(lab);
}

async function buildBalancer(lab: Lab, name: string): Promise<void> {
  const { netns } = lab.node(name);
  const client = lab.tenant(CLIENT);
  await batch('ip', netns, [
    `address add ${ANYCAST_VTEP}/32 dev lo`,
    `link add name ${VXLAN_DEVICE} mtu ${lab.topology.mtu - VXLAN_OVERHEAD_BYTES} address ${VIRTUAL_MAC} type vxlan ` +
      `id ${KERNEL_VNI} local ${ANYCAST_VTEP} dstport ${VXLAN_PORT} nolearning`,
    `link set dev ${VXLAN_DEVICE} up`,
    `address add ${VIRTUAL_ADDRESS}/24 dev ${VXLAN_DEVICE}`,
    `neighbour replace ${client.kernel.address} lladdr ${client.kernel.mac} dev ${VXLAN_DEVICE} nud permanent`,
  ]);
  await batch('bridge', netns, [
    `fdb replace ${client.kernel.mac} dev ${VXLAN_DEVICE} dst ${client.vtep} self permanent`,
  ]);
  const settings = ['ipv4/ip_forward=1', 'netfilter/nf_conntrack_tcp_loose=0'];
  await lab.run(name, ['nft', '-f', '-'], { input: balancing(lab.node(SERVER_HOST).address!) });
  for (const setting of settings) {
    const [path, value] = setting.split('=');
    await lab.run(name, ['sh', '-c', `echo ${value} > /proc/sys/net/${path}`]);
  }
}

/** A connection's first segment makes it; what belongs to none is answered with a reset. */
function balancing(server: string): string {
  return `
table ip balancing {
  chain arriving {
    type nat hook prerouting priority dstnat;
    iifname "${VXLAN_DEVICE}" ip daddr ${VIRTUAL_ADDRESS} tcp dport ${HTTP_PORT} dnat to ${server}
  }
  chain leaving {
    type nat hook postrouting priority srcnat;
    ip daddr ${server} tcp dport ${HTTP_PORT} masquerade
  }
  chain strangers {
    type filter hook input priority filter;
    iifname "${VXLAN_DEVICE}" tcp dport ${HTTP_PORT} reject with tcp reset
  }
}
`;
}

async function joinClient(lab: Lab): Promise<void> {
  await lab.attachKernelVxlan([CLIENT]);
  await batch('ip', lab.node(CLIENT).netns, [
    `neighbour replace ${VIRTUAL_ADDRESS} lladdr ${VIRTUAL_MAC} dev ${lab.tenant(CLIENT).kernel.interface} nud permanent`,
  ]);
  await batch('bridge', lab.node(CLIENT_HOST).netns, [
    `fdb replace ${VIRTUAL_MAC} dev ${VXLAN_DEVICE} dst ${ANYCAST_VTEP} self permanent`,
    `fdb replace ${VIRTUAL_MAC} dev ${VXLAN_DEVICE} master static`,
  ]);
}
