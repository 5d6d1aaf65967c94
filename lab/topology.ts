// The shape of a small cloud: racks of hosts with a leaf each, every leaf joined to every spine, tenants' machines
// on hosts. Pure data, from a file (topology-file.ts) or the built-in default; the lab builds it, the simulator runs it.
// Always: names are unique and fit into an interface name, and a link is named a-b with the lower layer first.

import type { Problem } from '../src/agent/config/problems.ts';
import { SelvageError } from '../src/base/errors.ts';
import { type ConditionTexts, type LinkConditions, mergeConditions, parseConditions } from './conditions.ts';
import { meant } from './names.ts';

export type NodeRole = 'host' | 'leaf' | 'spine' | 'tenant';

export interface TopologyNode {
  readonly name: string;
  readonly role: NodeRole;
}

export interface Rack {
  readonly name: string;
  readonly leaf: string;
  readonly hosts: readonly string[];
}

export interface Tenant {
  readonly name: string;
  readonly host: string;
}

export interface TopologyLink {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  /** What the file says of this link; a reset returns to it. */
  readonly conditions: LinkConditions;
}

export interface Topology {
  /** Bytes of IP packet that every link of the underlay carries. */
  readonly mtu: number;
  readonly racks: readonly Rack[];
  readonly spines: readonly string[];
  readonly tenants: readonly Tenant[];
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
}

/** The fields of a topology file. */
export interface TopologyFields {
  readonly mtu: number;
  readonly racks: readonly Rack[];
  readonly spines: readonly string[];
  readonly tenants?: readonly Tenant[] | undefined;
  readonly links?: Readonly<Record<string, ConditionTexts>> | undefined;
}

/** Makes an error of what is wrong with a field. */
export type Fault = (problem: Problem) => SelvageError;

const DEFAULT: TopologyFields = {
  mtu: 1500,
  racks: [
    { name: 'rack1', leaf: 'leaf1', hosts: ['host1', 'host2'] },
    { name: 'rack2', leaf: 'leaf2', hosts: ['host3', 'host4'] },
  ],
  spines: ['spine1', 'spine2', 'spine3', 'spine4'],
};

/** Two racks of two hosts, a leaf each, four spines, one tenant's machine on each host. */
export function defaultTopology(): Topology {
  return topologyOf({});
}

/** The default one with other racks, spines or links. */
export function topologyOf(fields: Partial<TopologyFields>): Topology {
  return buildTopology({ ...DEFAULT, ...fields }, ({ sentence }) => new SelvageError('failed', sentence));
}

/** Completes the fields and checks what a schema cannot: that names are unique and refer to something. */
export function buildTopology(
  { mtu, racks, spines, tenants: given, links: settings = {} }: TopologyFields,
  fault: Fault,
): Topology {
  const hosts = racks.flatMap((rack) => rack.hosts);
  const tenants = given ?? hosts.map((host, index) => ({ name: `tenant${index + 1}`, host }));
  const nodes: TopologyNode[] = [
    ...hosts.map((name) => ({ name, role: 'host' as const })),
    ...racks.map(({ leaf }) => ({ name: leaf, role: 'leaf' as const })),
    ...spines.map((name) => ({ name, role: 'spine' as const })),
    ...tenants.map(({ name }) => ({ name, role: 'tenant' as const })),
  ];
  checkNames(nodes, tenants, hosts, fault);
  const ends = [
    ...racks.flatMap(({ leaf, hosts }) => hosts.map((host) => [host, leaf] as const)),
    ...racks.flatMap(({ leaf }) => spines.map((spine) => [leaf, spine] as const)),
  ].map(([a, b]) => ({ name: `${a}-${b}`, a, b }));
  const linkNames = ends.map((link) => link.name);
  for (const wanted of Object.keys(settings)) {
    if (linkNames.includes(wanted)) continue;
    const sentence = `there is no such link; ${meant(wanted, linkNames)}`;
    throw fault({ path: ['links', wanted], atKey: true, sentence });
  }
  const links = ends.map((link) => ({
    ...link,
    conditions: readConditions(link, settings[link.name], fault),
  }));
  return { mtu, racks, spines, tenants, nodes, links };
}

function readConditions(
  link: { name: string; a: string; b: string },
  texts: ConditionTexts | undefined,
  fault: Fault,
): LinkConditions {
  try {
    return mergeConditions({}, parseConditions(texts ?? {}, link));
  } catch (thrown) {
    const { message, hint = '' } = SelvageError.from(thrown);
    throw fault({ path: ['links', link.name], sentence: `${message} ${hint}`.trim() });
  }
}

function checkNames(
  nodes: readonly TopologyNode[],
  tenants: readonly Tenant[],
  hosts: readonly string[],
  fault: Fault,
): void {
  const seen = new Map<string, NodeRole>();
  for (const { name, role } of nodes) {
    const other = seen.get(name);
    if (other !== undefined) {
      const sentence = `${name} names a ${other} and a ${role}; give each node a name of its own`;
      throw fault({ path: [sectionOf(role)], sentence });
    }
    seen.set(name, role);
  }
  tenants.forEach(({ host }, index) => {
    if (hosts.includes(host)) return;
    throw fault({
      path: ['tenants', index, 'host'],
      sentence: `there is no host ${host}; ${meant(host, hosts)}`,
    });
  });
}

function sectionOf(role: NodeRole): string {
  return role === 'spine' ? 'spines' : role === 'tenant' ? 'tenants' : 'racks';
}
