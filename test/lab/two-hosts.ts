// The smallest lab: two hosts on one leaf, and the tenants asked for.
import { Lab } from '../../lab/lab.ts';
import { buildTopology, type Tenant } from '../../lab/topology.ts';
import { SelvageError } from '../../src/base/errors.ts';

export const TWO_TENANTS: readonly Tenant[] = [
  { name: 'tenant1', host: 'host1' },
  { name: 'tenant2', host: 'host2' },
];

export function upTwoHosts(tenants = TWO_TENANTS): Promise<Lab> {
  const racks = [{ name: 'rack1', leaf: 'leaf1', hosts: ['host1', 'host2'] }];
  const fields = { mtu: 1500, racks, spines: ['spine1'], tenants };
  const fault = ({ sentence }: { sentence: string }) => new SelvageError('bad-input', sentence);
  return Lab.up({ topology: buildTopology(fields, fault) });
}
