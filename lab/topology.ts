// The shape of a small cloud: racks of hosts with a leaf each, every leaf joined to every spine, tenants' machines
// on hosts. Pure data, from a file (topology-file.ts) or the built-in default; the lab builds it, the simulator runs it.
// Always: names are unique and fit into an interface name, and a link is named a-b with the lower layer first.

import { SelvageError } from '../src/base/errors.ts';
import { type ConditionTexts, type LinkConditions, mergeConditions, parseConditions } from './conditions.ts';
import { nearestName } from './names.ts';

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

/** Makes the error for the field at `path`; the message goes on from the field's name. */
export type Fault = (path: FieldPath, message: string) => SelvageError;
export type FieldPath = readonly (string | number)[];

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
  return buildTopology(DEFAULT, (_path, message) => new SelvageError('failed', message));
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
  for (const wanted of Object.keys(settings)) {
    if (ends.some((link) => link.name === wanted)) continue;
    const nearest = nearestName(
      wanted,
      ends.map((link) => link.name),
    );
    throw fault(
      ['links', wanted],
      `is not a link of this topology${nearest ? `; did you mean ${nearest}?` : ''}`,
    );
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
    const { message, hint } = SelvageError.from(thrown);
    throw fault(['links', link.name], `is wrong: ${message} ${hint ?? ''}`.replace(/\.\s*$/, ''));
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
    if (other !== undefined)
      throw fault([sectionOf(role)], `name ${name} twice (as ${other} and as ${role}): names must be unique`);
    seen.set(name, role);
  }
  tenants.forEach(({ name, host }, index) => {
    if (hosts.includes(host)) return;
    const nearest = nearestName(host, hosts);
    const hint = nearest === undefined ? `there are: ${hosts.join(', ')}` : `did you mean ${nearest}?`;
    throw fault(['tenants', index, 'host'], `puts ${name} on ${host}, which is not a host; ${hint}`);
  });
}

function sectionOf(role: NodeRole): string {
  return role === 'spine' ? 'spines' : role === 'tenant' ? 'tenants' : 'racks';
}
