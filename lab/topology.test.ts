import { describe, expect, test } from 'vitest';
import { defaultTopology } from './topology.ts';
import { parseTopology } from './topology-file.ts';

const complaint = (text: string) => {
  try {
    parseTopology(text, 'lab.yaml');
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the topology was taken');
};

const RACKS = 'racks: [{ name: rack1, leaf: leaf1, hosts: [host1] }]\n';

describe('the default topology', () => {
  const topology = defaultTopology();

  test('has two racks of two hosts, four spines and a tenant on each host', () => {
    const of = (role: string) => topology.nodes.filter((node) => node.role === role).map((node) => node.name);
    expect(of('host')).toEqual(['host1', 'host2', 'host3', 'host4']);
    expect(of('leaf')).toEqual(['leaf1', 'leaf2']);
    expect(of('spine')).toEqual(['spine1', 'spine2', 'spine3', 'spine4']);
    expect(topology.tenants).toEqual([1, 2, 3, 4].map((n) => ({ name: `tenant${n}`, host: `host${n}` })));
  });

  test('names its links from the lower layer up', () => {
    const names = topology.links.map((link) => link.name);
    expect(names).toHaveLength(4 + 2 * 4);
    expect(names).toContain('host1-leaf1');
    expect(names).toContain('leaf1-spine2');
  });
});

describe('a topology file', () => {
  test('may say everything', () => {
    const topology = parseTopology(
      `mtu: 9000
spines: [s1]
racks:
  - { name: r1, leaf: l1, hosts: [h1, h2] }
tenants:
  - { name: web, host: h2 }
links:
  l1-s1: { rate: 48mbit, delay: 10ms, queue: 20, loss: 0.5% }
`,
      'lab.yaml',
    );
    expect(topology.mtu).toBe(9000);
    expect(topology.tenants).toEqual([{ name: 'web', host: 'h2' }]);
    expect(topology.links.find((link) => link.name === 'l1-s1')?.conditions).toEqual({
      rateBitsPerSecond: 48_000_000,
      delayMicros: 10_000,
      queuePackets: 20,
      lossPpm: 5000,
    });
    expect(topology.links.find((link) => link.name === 'h1-l1')?.conditions).toEqual({});
  });

  test.each([
    ['spines: [a\n', /^lab\.yaml:\d:\d+: not valid YAML/],
    ['spines: [spine1]\n', /^lab\.yaml:1:1: racks: is missing; write racks: \[\{ name: rack1/],
    [`${RACKS}spines: 4\n`, 'lab.yaml:2:9: spines: 4 is not a list; write it like [spine1, spine2]'],
    [
      `${RACKS}spines: [s1]\ntenant: []\n`,
      'lab.yaml:3:1: tenant: there is no such field; did you mean tenants?',
    ],
    [
      `${RACKS}spines: [Spine 1]\n`,
      'lab.yaml:2:10: spines[0]: "Spine 1" is not a name of a lower-case letter and up to 11 letters or digits; write it like host1',
    ],
    [`${RACKS}spines: [lo]\n`, "lab.yaml:2:10: spines[0]: lo is a name of the kernel's; choose another"],
    [
      `${RACKS}spines: [leaf1]\n`,
      'lab.yaml:2:9: spines: leaf1 names a leaf and a spine; give each node a name of its own',
    ],
    [`mtu: 100\n${RACKS}spines: [s1]\n`, /^lab\.yaml:1:6: mtu: 100 is not a whole number from 1280/],
    [
      `${RACKS}spines: [s1]\ntenants:\n  - { name: t1, host: host1 }\n  - { name: t2, host: hots1 }\n`,
      'lab.yaml:5:23: tenants[1].host: there is no host hots1; did you mean host1?',
    ],
    [
      `${RACKS}spines: [s1]\nlinks:\n  host1-leaf2: { loss: 1% }\n`,
      'lab.yaml:4:3: links.host1-leaf2: there is no such link; did you mean host1-leaf1?',
    ],
    [
      `${RACKS}spines: [s1]\nlinks:\n  host1-leaf1: { loss: much }\n`,
      'lab.yaml:4:16: links.host1-leaf1: “much” is not a share. Write it like 1%, 0.05% or 100%.',
    ],
    [
      `${RACKS}spines: [s1]\nlinks:\n  host1-leaf1: { los: 1% }\n`,
      'lab.yaml:4:18: links.host1-leaf1.los: there is no such field; did you mean loss?',
    ],
  ])('that is wrong is refused with file, line and field: %j', (text, expected) => {
    if (typeof expected === 'string') expect(complaint(text)).toBe(expected);
    else expect(complaint(text)).toMatch(expected);
  });
});
