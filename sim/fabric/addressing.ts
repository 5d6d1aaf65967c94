// Who has which address in a simulated cloud: the lab's plan (lab/addressing.ts) as numbers, which goes on where a
// dotted address or two hexadecimal digits would end, so that there can be thousands.

import type { Topology } from '../../lab/topology.ts';
import type { Ipv4Address, Mac } from '../../src/wire/address.ts';

export interface HostPlace {
  readonly name: string;
  readonly rack: number;
  /** Among the hosts of its rack. */
  readonly index: number;
  /** Its VTEP. */
  readonly address: Ipv4Address;
}

export interface TenantPlace {
  readonly name: string;
  readonly host: string;
  readonly mac: Mac;
  readonly address: Ipv4Address;
}

export const TENANT_VNI = 77;
/** 10.0.0.0, 192.168.77.0 and 02:77:00:00:00:00: what comes in front of a number. */
const HOSTS = 0x0a00_0000;
const TENANTS = 0xc0a8_0000 + (TENANT_VNI << 8);
const TENANT_MACS = 0x0277_0000_0000;

/** Host H of rack R, from 1: 10.0.R.H. */
export function hostPlaces({ racks }: Topology): HostPlace[] {
  return racks.flatMap(({ hosts }, rack) =>
    hosts.map((name, index) => ({ name, rack, index, address: HOSTS + ((rack + 1) << 8) + index + 1 })),
  );
}

/** Tenant T, from 1: 192.168.77.T. */
export function tenantPlaces({ tenants }: Topology): TenantPlace[] {
  return tenants.map(({ name, host }, index) => ({
    name,
    host,
    mac: TENANT_MACS + index + 1,
    address: TENANTS + index + 1,
  }));
}
