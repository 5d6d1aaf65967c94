// A lab's fabric over IPv6 as well: each node has its IPv4 address within fd00::/96, on all of its links, and the same routes.
import { fabricAddresses, linksOf, peerOf } from '../../lab/addressing.ts';
import { OUTER_FIELDS } from '../../lab/build-plan.ts';
import type { Lab } from '../../lab/lab.ts';
import { batch } from '../../lab/tools.ts';

/** As lab/build-plan.ts has it for IPv4. */
const FORWARD = `cd /proc/sys/net/ipv6
echo 1 > conf/all/forwarding
echo ${OUTER_FIELDS} > fib_multipath_hash_fields
echo 3 > fib_multipath_hash_policy`;

export function ipv6Of(address: string): string {
  return `fd00::${address}`;
}

export async function addIpv6(lab: Lab): Promise<void> {
  const { topology } = lab;
  const addresses = fabricAddresses(topology);
  const of = (node: string) => ipv6Of(addresses.get(node)!);
  const rackOf = (leaf: string) => of(leaf).replace(/\.254$/, '.0/120');
  const racks = topology.racks.map(({ leaf }) => leaf);
  const fabric = topology.nodes.filter(({ role }) => role !== 'tenant');
  for (const { name, role } of fabric) {
    if (role !== 'host') await lab.run(name, ['sh', '-c', FORWARD]);
    await batch('ip', lab.node(name).netns, [
      ...linksOf(topology, name).flatMap((link) => {
        const peer = peerOf(link, name);
        return [`address add ${of(name)}/128 dev ${peer} nodad`, `route add ${of(peer)}/128 dev ${peer}`];
      }),
      ...routes(name, role),
    ]);
  }

  function routes(name: string, role: string): string[] {
    if (role === 'host') {
      const { leaf } = topology.racks.find(({ hosts }) => hosts.includes(name))!;
      return [`route add default via ${of(leaf)} dev ${leaf} src ${of(name)}`];
    }
    if (role === 'spine') return racks.map((leaf) => `route add ${rackOf(leaf)} via ${of(leaf)} dev ${leaf}`);
    const hops = topology.spines.map((spine) => `nexthop via ${of(spine)} dev ${spine}`).join(' ');
    return racks.filter((leaf) => leaf !== name).map((leaf) => `route add ${rackOf(leaf)} ${hops}`);
  }
}
