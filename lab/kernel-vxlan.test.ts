import { expect, test } from 'vitest';
import { type TenantAddresses, tenantAddresses } from './addressing.ts';
import { kernelVxlanPlan } from './kernel-vxlan.ts';
import { parseTopology } from './topology-file.ts';

const topology = parseTopology(
  `spines: [s1]
racks: [{ name: r1, leaf: l1, hosts: [h1, h2] }, { name: r2, leaf: l2, hosts: [h3] }]
tenants: [{ name: t1, host: h1 }, { name: t2, host: h1 }, { name: t3, host: h2 }, { name: t4, host: h3 }]
`,
  'test.yaml',
);
const tenants = tenantAddresses(topology);
const [t1, t2, t3, t4] = tenants as [TenantAddresses, TenantAddresses, TenantAddresses, TenantAddresses];

/** All that was run in each node, in the end. */
function linesByNode(...steps: readonly (readonly TenantAddresses[])[]): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  steps.forEach((wanted, i) => {
    for (const { node, ip, bridge } of kernelVxlanPlan(steps[i - 1] ?? [], wanted, topology.mtu)) {
      lines[node] = [...(lines[node] ?? []), ...ip, ...bridge];
    }
  });
  for (const node of Object.keys(lines)) lines[node]!.sort();
  return lines;
}

test('attaching tenants one after the other comes to the same as all at once', () => {
  expect(linesByNode([t3], [t1, t3], [t1, t2, t3], tenants)).toEqual(linesByNode(tenants));
});

test('attaching nobody new does nothing', () => {
  const plan = kernelVxlanPlan([t1, t4], [t1, t4], topology.mtu);
  expect(plan.flatMap(({ ip, bridge }) => [...ip, ...bridge])).toEqual([]);
});

test('a host forwards to the machines of other hosts only', () => {
  const lines = linesByNode(tenants)['h1']!.filter((line) => line.startsWith('fdb'));
  expect(lines.some((line) => line.includes(t3.kernel.mac))).toBe(true);
  expect(lines.some((line) => line.includes(t2.kernel.mac))).toBe(false);
  expect(lines.filter((line) => line.includes('00:00:00:00:00:00'))).toHaveLength(2);
});

test('the tenant’s MTU leaves room for the encapsulation', () => {
  expect(linesByNode([t1, t4])['t1']).toContain('link set dev vx0 mtu 1450 up');
});
