// Who has which address in a lab: computed from the topology alone, so that the same topology always gets the same.
// Each fabric node has one IPv4 address, used on all of its links (point-to-point, with the peer's address as a
// host route): host H of rack R 10.0.R.H (its VTEP), the rack's leaf 10.0.R.254, spine S 10.1.0.S.
// Tenant T has 192.168.77.T through Selvage and 192.168.78.T through the kernel's VXLAN.
import { SelvageError } from '../src/base/errors.ts';
import type { Topology, TopologyLink } from './topology.ts';

export const SELVAGE_VNI = 77;
export const KERNEL_VNI = 78;
/** The tenant's interface to Selvage and to the kernel's VXLAN. */
export const SELVAGE_INTERFACE = 'sel0';
export const KERNEL_INTERFACE = 'vx0';
/** Outer Ethernet is not counted in an MTU: IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14. */
export const VXLAN_OVERHEAD_BYTES = 50;

/** Their numbers are the last byte of addresses in two /24 networks. */
const MOST_TENANTS = 250;

export interface Attachment {
  readonly interface: string;
  readonly mac: string;
  readonly address: string;
}

export interface TenantAddresses {
  readonly name: string;
  readonly host: string;
  /** The host's underlay address. */
  readonly vtep: string;
  readonly selvage: Attachment;
  readonly kernel: Attachment;
}

/** The underlay address of every host, leaf and spine by name. */
export function fabricAddresses({ racks, spines }: Topology): ReadonlyMap<string, string> {
  const addresses = new Map<string, string>();
  racks.forEach(({ leaf, hosts }, rack) => {
    addresses.set(leaf, `10.0.${rack + 1}.254`);
    hosts.forEach((host, index) => {
      addresses.set(host, `10.0.${rack + 1}.${index + 1}`);
    });
  });
  spines.forEach((spine, index) => {
    addresses.set(spine, `10.1.0.${index + 1}`);
  });
  return addresses;
}

export function tenantAddresses(topology: Topology): TenantAddresses[] {
  if (topology.tenants.length > MOST_TENANTS) {
    throw new SelvageError('unsupported', `A lab has addresses for at most ${MOST_TENANTS} tenants.`, {
      hint: 'List fewer in the topology (tenants: …).',
    });
  }
  const addresses = fabricAddresses(topology);
  return topology.tenants.map(({ name, host }, index) => {
    const number = index + 1;
    const suffix = number.toString(16).padStart(2, '0');
    return {
      name,
      host,
      vtep: addresses.get(host)!,
      selvage: {
        interface: SELVAGE_INTERFACE,
        mac: `02:77:00:00:00:${suffix}`,
        address: `192.168.${SELVAGE_VNI}.${number}`,
      },
      kernel: {
        interface: KERNEL_INTERFACE,
        mac: `02:78:00:00:00:${suffix}`,
        address: `192.168.${KERNEL_VNI}.${number}`,
      },
    };
  });
}

/** The subnet of a rack, by its leaf's address. */
export function rackSubnet(leafAddress: string): string {
  return leafAddress.replace(/\.254$/, '.0/24');
}

/** The node at the other end; interfaces are named after it. */
export function peerOf(link: TopologyLink, node: string): string {
  return link.a === node ? link.b : link.a;
}

export function linksOf(topology: Topology, node: string): TopologyLink[] {
  return topology.links.filter((link) => link.a === node || link.b === node);
}
