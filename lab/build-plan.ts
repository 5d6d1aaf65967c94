// The fabric of a topology as batches of `ip` and system settings: what to make first, and then what to set in each
// namespace. Pure: the same topology gives the same text. Interfaces are made in the lab's namespaces directly, so
// that nothing appears in the caller's. Routes are static: a leaf spreads other racks' traffic over all spines
// (ECMP on the outer 5-tuple), everything else has one way to go.
import { fabricAddresses, linksOf, peerOf, rackSubnet } from './addressing.ts';
import type { Topology, TopologyNode } from './topology.ts';

/** Names of the lab's namespaces by node name. */
export type Namespaces = (node: string) => string;

/** One `ip -batch` in the caller's namespace. */
export function namespaceBatch(topology: Topology, netns: Namespaces): string[] {
  return topology.nodes.map((node) => `netns add ${netns(node.name)}`);
}

/** One `ip -batch` in any namespace of the lab: in the caller's we may have no right to make links. */
export function creationBatch(topology: Topology, netns: Namespaces): string[] {
  return topology.links.map(
    ({ a, b }) =>
      `link add name ${b} netns ${netns(a)} mtu ${topology.mtu} type veth ` +
      `peer name ${a} netns ${netns(b)} mtu ${topology.mtu}`,
  );
}

/** One `ip -batch` in the namespace of a node. */
export function nodeBatch(topology: Topology, node: TopologyNode): string[] {
  if (node.role === 'tenant') return ['link set dev lo up'];
  return ['link set dev lo up', ...linkBatch(topology, node.name), ...routeBatch(topology, node)];
}

function linkBatch(topology: Topology, node: string): string[] {
  const addresses = fabricAddresses(topology);
  return linksOf(topology, node).flatMap((link) => {
    const peer = peerOf(link, node);
    return [
      `address add ${addresses.get(node)} peer ${addresses.get(peer)}/32 dev ${peer}`,
      `link set dev ${peer} up`,
    ];
  });
}

/**
 * The node's routes. Replayed as they are after a link of the node was down, when the kernel took some away, but for
 * those over neighbours that are still `away`.
 */
export function routeBatch(topology: Topology, node: TopologyNode, away: readonly string[] = []): string[] {
  const addresses = fabricAddresses(topology);
  if (node.role === 'host') {
    const { leaf } = topology.racks.find((rack) => rack.hosts.includes(node.name))!;
    return [`route replace default via ${addresses.get(leaf)} dev ${leaf} src ${addresses.get(node.name)}`];
  }
  if (node.role === 'spine') {
    return topology.racks
      .filter(({ leaf }) => !away.includes(leaf))
      .map(({ leaf }) => {
        const via = addresses.get(leaf)!;
        return `route replace ${rackSubnet(via)} via ${via} dev ${leaf}`;
      });
  }
  const spines = topology.spines.filter((spine) => !away.includes(spine));
  if (spines.length === 0) return [];
  const hops = spines.map((spine) => `nexthop via ${addresses.get(spine)} dev ${spine}`).join(' ');
  return topology.racks
    .filter((rack) => rack.leaf !== node.name)
    .map((rack) => `route replace ${rackSubnet(addresses.get(rack.leaf)!)} ${hops}`);
}

export interface Setting {
  /** Path below /proc/sys. */
  readonly path: string;
  readonly value: string;
  /** This path is absent in older kernels, and the setting worth going without. */
  readonly where?: string;
}

const SEED = 'net/ipv4/fib_multipath_hash_seed';
/** Linux 5.14. */
const FIELDS = 'net/ipv4/fib_multipath_hash_fields';
/** Addresses, protocol and ports of the outermost headers. */
export const OUTER_FIELDS = '0x37';

/** Network settings of a node's namespace; those of hosts and tenants stay as they come. */
export function nodeSettings(topology: Topology, node: TopologyNode): Setting[] {
  if (node.role !== 'leaf' && node.role !== 'spine') return [];
  const index = topology.racks.findIndex((rack) => rack.leaf === node.name);
  return [
    { path: 'net/ipv4/ip_forward', value: '1' },
    { path: 'net/ipv4/fib_multipath_hash_policy', value: '1' },
    // Of the same five fields, but by what the packet says: the policy above believes the hash that a packet of the same
    // kernel brings along, and that may be of the packet inside.
    { path: FIELDS, value: OUTER_FIELDS, where: FIELDS },
    { path: 'net/ipv4/fib_multipath_hash_policy', value: '3', where: FIELDS },
    // A leaf's own seed: the same flows take the same spines in every run, and each leaf hashes in its own way.
    ...(index < 0 ? [] : [{ path: SEED, value: String(index + 1), where: SEED }]),
  ];
}
