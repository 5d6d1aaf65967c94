// Open vSwitch's userspace datapath as the one switch of a host, between tenants' machines there.
import { join } from 'node:path';
import { VXLAN_OVERHEAD_BYTES } from '../../lab/addressing.ts';
import type { Lab } from '../../lab/lab.ts';
import { requireProgram } from '../../lab/programs.ts';
import { batch, tool } from '../../lab/tools.ts';
import { startDaemons, VSCTL } from './open-vswitch.ts';

const INTERFACE = 'ovs0';
const BRIDGE = 'obr0';

/** The tenants' addresses, in their order. */
export async function attachOpenVswitchBridge(
  lab: Lab,
  host: string,
  tenants: readonly string[],
): Promise<readonly string[]> {
  for (const program of ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl'])
    await requireProgram(program);
  const netns = (node: string) => lab.node(node).netns;
  const mtu = lab.topology.mtu - VXLAN_OVERHEAD_BYTES;
  const port = (tenant: string) => `o${tenant}`;
  const addresses = tenants.map((_, i) => `192.168.79.${i + 1}`);
  const cable = (tenant: string) =>
    `link add name ${port(tenant)} mtu ${mtu} type veth peer name ${INTERFACE} mtu ${mtu} netns ${netns(tenant)}`;
  await batch('ip', netns(host), [
    ...tenants.map(cable),
    ...tenants.map((tenant) => `link set dev ${port(tenant)} up`),
  ]);
  for (const [i, tenant] of tenants.entries()) {
    // It does not finish checksums that were left to the device.
    await tool('ethtool', netns(tenant), ['-K', INTERFACE, 'tx', 'off']);
    await batch('ip', netns(tenant), [
      `address add ${addresses[i]}/24 dev ${INTERFACE}`,
      `link set dev ${INTERFACE} up`,
    ]);
  }
  const { env } = await startDaemons(lab, host, join(lab.runFolder, `${host}-ovs-bridge`));
  const bridge = ['--', 'add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=netdev'];
  const ports = tenants.flatMap((tenant) => ['--', 'add-port', BRIDGE, port(tenant)]);
  await lab.run(host, [...VSCTL, ...bridge, ...ports], { env });
  return addresses;
}
