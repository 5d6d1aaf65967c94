// A lab's status for people.

import { table } from '../src/base/table.ts';
import type { DirectionStatus, LabStatus, LinkStatus } from './status.ts';
import { columns, indent } from './text.ts';

/** `isOnly`: no other lab is up, so that commands need not say which. */
export function renderUp(status: LabStatus, isOnly: boolean): string {
  const { links } = status;
  const names = links.map((link) => link.name);
  const spineLink = names.find((name) => name.includes('-spine2')) ?? names.at(-1)!;
  const here = status.tenants[0];
  const there = status.tenants.findLast((tenant) => tenant.host !== here?.host);
  const address = there?.selvage ?? there?.kernelVxlan;
  const agent = status.processes.find(({ kind }) => kind === 'agent');
  const which = isOnly ? '' : ` --lab ${status.name}`;
  const tries = [
    ...(here && address ? [`selvage lab exec${which} ${here.name} -- ping -c 3 ${address}`] : []),
    `selvage lab set${which} ${spineLink} --blackhole both`,
    `selvage lab set${which} ${names[0]} --loss 1%`,
    `selvage lab status${which}`,
    ...(agent === undefined ? [] : [`selvage lab exec${which} ${agent.subject} -- selvage status`]),
    `selvage lab down${which}`,
  ];
  return [
    headline(status),
    `\nLinks\n${indent(columns(names))}`,
    `\nTenants\n${indent(tenantTable(status))}`,
    `\nWhat to try next\n${indent(tries.join('\n'))}`,
  ].join('\n');
}

export function renderStatus(status: LabStatus): string {
  const dead = status.processes.filter((process) => !process.alive);
  return [
    headline(status),
    `\nLinks\n${indent(linkTable(status.links))}`,
    `\nTenants\n${indent(tenantTable(status))}`,
    ...(dead.length === 0 ? [] : ['']),
    ...dead.map(({ kind, subject }) => `The ${kind} of ${subject} has ended.`),
  ].join('\n');
}

function headline({ name, nodes, ownerPid }: LabStatus): string {
  const count = (role: string, one: string, many: string) => {
    const number = nodes.filter((node) => node.role === role).length;
    return `${number} ${number === 1 ? one : many}`;
  };
  const parts = [
    count('host', 'host', 'hosts'),
    count('leaf', 'leaf', 'leaves'),
    count('spine', 'spine', 'spines'),
    count('tenant', 'tenant', 'tenants'),
  ];
  const owner = ownerPid === undefined ? '' : `, until process ${ownerPid} ends`;
  return `Lab ${name} is up${owner}: ${parts.join(', ')}.`;
}

function linkTable(links: readonly LinkStatus[]): string {
  const rows = links.map(({ name, summary, aToB, bToA }) => [
    name,
    summary || 'healthy',
    summary && drops(aToB),
    summary && drops(bToA),
  ]);
  return table(['link', 'state', 'dropped a>b', 'dropped b>a'], rows);
}

function drops({ blackholed, lost, queueDrops }: DirectionStatus): string {
  const parts = [
    ...(blackholed > 0 ? [`${blackholed} blackholed`] : []),
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(queueDrops > 0 ? [`${queueDrops} queue full`] : []),
  ];
  return parts.join(', ') || '0';
}

function tenantTable({ tenants }: LabStatus): string {
  const rows = tenants.map(({ name, host, selvage, kernelVxlan }) => [
    name,
    host,
    selvage ?? '-',
    kernelVxlan ?? '-',
  ]);
  return table(['tenant', 'on', 'Selvage (sel0)', 'kernel VXLAN (vx0)'], rows);
}
