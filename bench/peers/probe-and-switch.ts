// Probe-and-switch at the scale of seconds, as health checks of tunnels and bonding work: two VXLAN tunnels between the
// hosts, each with one outer source port and so with one path, on different spines both ways. All traffic takes the active
// one; both are probed once a second, and each end switches what it sends after three misses.
import { createInterface } from 'node:readline';
import { type TenantAddresses, VXLAN_OVERHEAD_BYTES } from '../../lab/addressing.ts';
import { KERNEL_VXLAN_PORT, VXLAN_BRIDGE, VXLAN_DEVICE } from '../../lab/kernel-vxlan.ts';
import { requireProgram } from '../../lab/programs.ts';
import { batch } from '../../lab/tools.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { Testbed } from '../testbed.ts';
import { builtProgram } from '../workloads/built-program.ts';
import type { Peer } from './peer.ts';
import type { ProbeAndSwitchSpec } from './probe-and-switch/spec.ts';
import { MISSES } from './probe-and-switch/standby.ts';

const TUNNELS = 2;
/** Of the tenants' frames, and of the probes' beside them. */
const FIRST_VNI = 900;
const FIRST_PROBE_VNI = 910;
const PROBE_PORT = 7900;
const MOST_PORTS = 64;
const FIRST_SOURCE_PORT = 20_000;

export async function attachProbeAndSwitch(testbed: Testbed): Promise<Peer> {
  const { lab, client, server } = testbed;
  await lab.attachKernelVxlan([client.name, server.name]);
  const ends = [
    { self: client, other: server, end: 0 },
    { self: server, other: client, end: 1 },
  ];
  for (const { self, other, end } of ends) await makeTunnels(testbed, self, other, end);
  for (const { self, other, end } of ends) await startProbing(testbed, self, other, end);
  return {
    name: 'probeAndSwitch',
    title: 'probe and switch',
    settings: `two kernel VXLAN tunnels on different spines, probed every second, switched after ${MISSES} misses; MTU ${
      lab.topology.mtu - VXLAN_OVERHEAD_BYTES
    }`,
    serverAddress: server.kernel.address,
  };
}

/** In place of the device that spreads flows. A range of one port is one that ends at the next. */
async function makeTunnels(
  testbed: Testbed,
  self: TenantAddresses,
  other: TenantAddresses,
  end: number,
): Promise<void> {
  const { lab } = testbed;
  const { netns } = lab.node(self.host);
  const mtu = lab.topology.mtu - VXLAN_OVERHEAD_BYTES;
  const ports = await portsOnDifferentSpines(testbed, self, other);
  const tunnel = (name: string, vni: number, port: number) =>
    `link add name ${name} mtu ${mtu} type vxlan id ${vni} local ${self.vtep} remote ${other.vtep} ` +
    `dstport ${KERNEL_VXLAN_PORT} srcport ${port} ${port + 1} nolearning`;
  await batch('ip', netns, [
    `link delete dev ${VXLAN_DEVICE}`,
    ...ports.flatMap((port, i) => [
      tunnel(deviceOf(i), FIRST_VNI + i, port),
      `link set dev ${deviceOf(i)} addrgenmode none`,
      `link set dev ${deviceOf(i)} master ${VXLAN_BRIDGE}`,
      // Both lead to the same bridge over there: what one floods must not come back by the other.
      `link set dev ${deviceOf(i)} type bridge_slave learning off flood off mcast_flood off bcast_flood off`,
      `link set dev ${deviceOf(i)} up`,
      tunnel(`probe${i}`, FIRST_PROBE_VNI + i, port),
      `link set dev probe${i} address ${probeMac(i, end)} up`,
      `address add ${probeAddress(i, end)}/24 dev probe${i}`,
      `neighbour replace ${probeAddress(i, 1 - end)} lladdr ${probeMac(i, 1 - end)} dev probe${i} nud permanent`,
    ]),
  ]);
  await batch('bridge', netns, [`fdb replace ${other.kernel.mac} dev ${deviceOf(0)} master static`]);
}

async function startProbing(
  { lab }: Testbed,
  self: TenantAddresses,
  other: TenantAddresses,
  end: number,
): Promise<void> {
  const spec: ProbeAndSwitchSpec = {
    bridge: (await requireProgram('bridge')).path,
    mac: other.kernel.mac,
    port: PROBE_PORT,
    tunnels: Array.from({ length: TUNNELS }, (_, i) => ({
      device: deviceOf(i),
      local: probeAddress(i, end),
      remote: probeAddress(i, 1 - end),
    })),
  };
  const argv = [process.execPath, builtProgram('probe-and-switch'), JSON.stringify(spec)];
  const child = await lab.exec(self.host, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', () => resolve());
    child.once('exit', (status) => {
      reject(new SelvageError('failed', `Probe-and-switch ended with ${status} on ${self.host}.`));
    });
  });
}

/** Asks the leaf which way it would send what comes from each port. */
async function portsOnDifferentSpines(
  { lab }: Testbed,
  self: TenantAddresses,
  other: TenantAddresses,
): Promise<number[]> {
  const { leaf } = lab.topology.racks.find(({ hosts }) => hosts.includes(self.host))!;
  const found = new Map<string, number>();
  for (let port = FIRST_SOURCE_PORT; found.size < TUNNELS; port += 2) {
    if (port > FIRST_SOURCE_PORT + 2 * MOST_PORTS) {
      throw new SelvageError('failed', `All ports of ${self.host} lead over one spine.`);
    }
    const flow = ['ipproto', 'udp', 'sport', String(port), 'dport', String(KERNEL_VXLAN_PORT)];
    const argv = ['ip', '-json', 'route', 'get', other.vtep, 'from', self.vtep, 'iif', self.host, ...flow];
    const [route]: { dev: string }[] = JSON.parse((await lab.run(leaf, argv)).stdout);
    if (!found.has(route!.dev)) found.set(route!.dev, port);
  }
  return [...found.values()];
}

function deviceOf(tunnel: number): string {
  return `${VXLAN_DEVICE}${tunnel}`;
}

function probeAddress(tunnel: number, end: number): string {
  return `10.99.${tunnel}.${end + 1}`;
}

function probeMac(tunnel: number, end: number): string {
  return `02:79:00:00:0${tunnel}:0${end + 1}`;
}
