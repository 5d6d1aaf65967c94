// The smallest lab: two hosts on one leaf, and the tenants asked for.
import { Lab } from '../../lab/lab.ts';
import { type Tenant, topologyOf } from '../../lab/topology.ts';

export const TWO_TENANTS: readonly Tenant[] = [
  { name: 'tenant1', host: 'host1' },
  { name: 'tenant2', host: 'host2' },
];

export function upTwoHosts(tenants = TWO_TENANTS): Promise<Lab> {
  const racks = [{ name: 'rack1', leaf: 'leaf1', hosts: ['host1', 'host2'] }];
  return Lab.up({ topology: topologyOf({ mtu: 1500, racks, spines: ['spine1'], tenants }) });
}
