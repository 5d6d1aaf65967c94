// The baseline on the same fabric: tenants joined by the kernel's own VXLAN (RFC 7348), set up as well as it can be.
// Per host a VXLAN device and the tenants' veths in a bridge, the other machines' MACs and neighbours given
// beforehand (nothing to learn, no ARP to lose), offloads as they come. Pure: what to run in each namespace to get
// from the tenants attached so far to those wanted.
import { KERNEL_INTERFACE, KERNEL_VNI, type TenantAddresses, VXLAN_OVERHEAD_BYTES } from './addressing.ts';

/** Linux's customary port, so that Selvage's 4789 stays free. */
export const KERNEL_VXLAN_PORT = 8472;
export const VXLAN_DEVICE = 'vxlan';
export const VXLAN_BRIDGE = 'vxbridge';

export interface NodeBatches {
  readonly node: string;
  readonly ip: readonly string[];
  readonly bridge: readonly string[];
}

export function kernelVxlanPlan(
  old: readonly TenantAddresses[],
  wanted: readonly TenantAddresses[],
  underlayMtu: number,
): NodeBatches[] {
  const mtu = underlayMtu - VXLAN_OVERHEAD_BYTES;
  const added = wanted.filter((tenant) => !old.includes(tenant));
  const hosts = [...new Set(wanted.map((tenant) => tenant.host))];
  const hostBatches = hosts.map((host) => {
    const local = added.filter((tenant) => tenant.host === host);
    const isNew = !old.some((tenant) => tenant.host === host);
    return {
      node: host,
      ip: [
        ...(isNew ? deviceLines(local[0]!.vtep, mtu) : []),
        ...local.flatMap((tenant) => portLines(tenant)),
      ],
      bridge: newLines((tenants) => forwardingLines(host, tenants), old, wanted),
    };
  });
  const tenantBatches = wanted.map((tenant) => ({
    node: tenant.name,
    ip: [
      ...(added.includes(tenant) ? interfaceLines(tenant, mtu) : []),
      ...newLines((tenants) => neighbourLines(tenant, tenants), old.includes(tenant) ? old : [], wanted),
    ],
    bridge: [],
  }));
  return [...hostBatches, ...tenantBatches];
}

/** The name, in the host, of the cable to a tenant's machine. */
export function tenantPort(tenant: string): string {
  return `vx${tenant}`;
}

function newLines(
  lines: (tenants: readonly TenantAddresses[]) => string[],
  old: readonly TenantAddresses[],
  wanted: readonly TenantAddresses[],
): string[] {
  const present = new Set(lines(old));
  return lines(wanted).filter((line) => !present.has(line));
}

function deviceLines(vtep: string, mtu: number): string[] {
  return [
    `link add name ${VXLAN_BRIDGE} mtu ${mtu} type bridge`,
    `link set dev ${VXLAN_BRIDGE} addrgenmode none`,
    `link set dev ${VXLAN_BRIDGE} up`,
    `link add name ${VXLAN_DEVICE} mtu ${mtu} type vxlan id ${KERNEL_VNI} local ${vtep} dstport ${KERNEL_VXLAN_PORT} nolearning`,
    `link set dev ${VXLAN_DEVICE} addrgenmode none`,
    `link set dev ${VXLAN_DEVICE} master ${VXLAN_BRIDGE} up`,
  ];
}

/** The tenant's end is there already: it was made with the cable (cableLine). */
function portLines({ name }: TenantAddresses): string[] {
  const port = tenantPort(name);
  return [`link set dev ${port} addrgenmode none`, `link set dev ${port} master ${VXLAN_BRIDGE} up`];
}

/** Makes the cable between host and tenant, from any namespace of the lab. */
export function cableLine(
  tenant: TenantAddresses,
  underlayMtu: number,
  netns: (node: string) => string,
): string {
  const mtu = underlayMtu - VXLAN_OVERHEAD_BYTES;
  return (
    `link add name ${tenantPort(tenant.name)} netns ${netns(tenant.host)} mtu ${mtu} type veth ` +
    `peer name ${KERNEL_INTERFACE} netns ${netns(tenant.name)} mtu ${mtu} address ${tenant.kernel.mac}`
  );
}

function interfaceLines({ kernel }: TenantAddresses, mtu: number): string[] {
  return [
    `address add ${kernel.address}/24 dev ${kernel.interface}`,
    `link set dev ${kernel.interface} mtu ${mtu} up`,
  ];
}

function forwardingLines(host: string, tenants: readonly TenantAddresses[]): string[] {
  const remote = tenants.filter((tenant) => tenant.host !== host);
  if (remote.length === tenants.length) return [];
  const vteps = [...new Set(remote.map((tenant) => tenant.vtep))];
  return [
    ...vteps.map((vtep) => `fdb append 00:00:00:00:00:00 dev ${VXLAN_DEVICE} dst ${vtep} self permanent`),
    ...remote.map(
      ({ kernel, vtep }) => `fdb replace ${kernel.mac} dev ${VXLAN_DEVICE} dst ${vtep} self permanent`,
    ),
    ...remote.map(({ kernel }) => `fdb replace ${kernel.mac} dev ${VXLAN_DEVICE} master static`),
  ];
}

function neighbourLines(self: TenantAddresses, tenants: readonly TenantAddresses[]): string[] {
  return tenants
    .filter((tenant) => tenant.name !== self.name)
    .map(
      ({ kernel }) =>
        `neighbour replace ${kernel.address} lladdr ${kernel.mac} dev ${kernel.interface} nud permanent`,
    );
}
