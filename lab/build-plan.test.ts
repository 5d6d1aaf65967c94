import { describe, expect, test } from 'vitest';
import { fabricAddresses, tenantAddresses } from './addressing.ts';
import { creationBatch, nodeBatch, nodeSettings, routeBatch } from './build-plan.ts';
import { defaultTopology } from './topology.ts';
import { parseTopology } from './topology-file.ts';

const topology = defaultTopology();
const node = (name: string) => topology.nodes.find((candidate) => candidate.name === name)!;

describe('addresses', () => {
  test('follow the place in the topology', () => {
    const addresses = fabricAddresses(topology);
    expect(addresses.get('host1')).toBe('10.0.1.1');
    expect(addresses.get('host4')).toBe('10.0.2.2');
    expect(addresses.get('leaf2')).toBe('10.0.2.254');
    expect(addresses.get('spine3')).toBe('10.1.0.3');
  });

  test('are one a node, and no two alike, in a large topology too', () => {
    const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
    const racks = names('r', 10).map(
      (rack) => `  - { name: ${rack}, leaf: ${rack}l, hosts: [${names(`${rack}h`, 20)}] }`,
    );
    const large = parseTopology(`spines: [${names('s', 16)}]\nracks:\n${racks.join('\n')}\n`, 'large.yaml');
    const addresses = [...fabricAddresses(large).values()];
    expect(addresses).toHaveLength(10 * 21 + 16);
    expect(new Set(addresses).size).toBe(addresses.length);
    const tenants = tenantAddresses(large).flatMap(({ selvage, kernel }) => [
      selvage.mac,
      kernel.mac,
      selvage.address,
      kernel.address,
    ]);
    expect(new Set(tenants).size).toBe(200 * 4);
  });

  test('end where a lab has no more for tenants', () => {
    const hosts = Array.from({ length: 130 }, (_, i) => `h${i}`);
    const text = `spines: [s]\nracks: [{ name: a, leaf: la, hosts: [${hosts}] }, { name: b, leaf: lb, hosts: [${hosts.map((host) => `${host}b`)}] }]\n`;
    expect(() => tenantAddresses(parseTopology(text, 'x.yaml'))).toThrow('at most 250 tenants');
  });
});

describe('the plan', () => {
  test('makes every link once, both ends in the lab’s namespaces', () => {
    const lines = creationBatch(topology, (name) => `lab-${name}`);
    expect(lines).toHaveLength(topology.links.length);
    expect(lines).toContain(
      'link add name leaf1 netns lab-host1 mtu 1500 type veth peer name host1 netns lab-leaf1 mtu 1500',
    );
  });

  test('spreads other racks’ traffic over all spines, with a seed of each leaf’s own', () => {
    expect(routeBatch(topology, node('leaf1'))).toEqual([
      'route replace 10.0.2.0/24 nexthop via 10.1.0.1 dev spine1 nexthop via 10.1.0.2 dev spine2 ' +
        'nexthop via 10.1.0.3 dev spine3 nexthop via 10.1.0.4 dev spine4',
    ]);
    const seed = (leaf: string) =>
      nodeSettings(topology, node(leaf)).find(({ path }) => path.endsWith('hash_seed'))?.value;
    expect(seed('leaf1')).not.toBe(seed('leaf2'));
  });

  test('leaves out neighbours whose link is still down', () => {
    expect(routeBatch(topology, node('leaf1'), ['spine1', 'spine3', 'spine4'])).toEqual([
      'route replace 10.0.2.0/24 nexthop via 10.1.0.2 dev spine2',
    ]);
    expect(routeBatch(topology, node('leaf1'), topology.spines)).toEqual([]);
    expect(routeBatch(topology, node('spine1'), ['leaf2'])).toEqual([
      'route replace 10.0.1.0/24 via 10.0.1.254 dev leaf1',
    ]);
  });

  test('leaves the settings of hosts and tenants alone', () => {
    expect(nodeSettings(topology, node('host1'))).toEqual([]);
    expect(nodeSettings(topology, node('tenant1'))).toEqual([]);
    expect(nodeBatch(topology, node('tenant1'))).toEqual(['link set dev lo up']);
  });
});
