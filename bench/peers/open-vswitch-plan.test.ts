// The two kinds of ports get in each other's way nowhere.
import { expect, test } from 'vitest';
import { openVswitchPlan } from './open-vswitch-plan.ts';

const end = {
  host: 'host1',
  leaf: 'leaf1',
  tenant: 'tenant1',
  address: '10.0.1.1',
  remoteAddress: '10.0.2.1',
  tenantByte: 1,
};
const plan = (type: 'system' | 'afxdp') => openVswitchPlan(end, type, 1500, (node) => `lab-${node}`);

test('a host gets a card of its own, a tunnel and a cable to the tenant', () => {
  const { configuration, ...lines } = plan('system');
  expect(lines).toEqual({
    tenantInterface: 'ov0',
    tenantAddress: '192.168.79.1',
    cables: [
      'link add name ovcard mtu 1500 type veth peer name ovhost1 mtu 1500 netns lab-leaf1',
      'link add name ovport mtu 1450 type veth peer name ov0 mtu 1450 netns lab-tenant1',
      'link set dev ovcard up',
      'link set dev ovport up',
    ],
    leaf: ['address add 10.0.1.253 peer 10.0.1.101/32 dev ovhost1', 'link set dev ovhost1 up'],
    tenant: ['address add 192.168.79.1/24 dev ov0', 'link set dev ov0 up'],
    host: [
      'address add 10.0.1.101/24 dev ovphy noprefixroute',
      'link set dev ovphy up',
      'link set dev ovint up',
      'route add 10.0.1.253/32 dev ovphy',
      'route add 10.0.2.101/32 via 10.0.1.253 dev ovphy src 10.0.1.101',
    ],
  });
  expect(configuration.join(' ')).toContain('type=vxlan options:remote_ip=10.0.2.101 options:key=79');
});

test('both kinds differ in every name and address', () => {
  const names = (type: 'system' | 'afxdp') => {
    const { cables, tenantAddress } = plan(type);
    return [
      tenantAddress,
      ...cables.flatMap((line) => [...line.matchAll(/name (\S+)/g)].map(([, name]) => name)),
    ];
  };
  const system = names('system');
  expect(names('afxdp').filter((name) => system.includes(name))).toEqual([]);
});
