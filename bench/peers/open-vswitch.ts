// Runs Open vSwitch's userspace datapath on the client's host and the server's, each with a database of its own.
// Version 3.1 cannot put offload bundles into tunnels, so the tenants cut and finish their packets themselves.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fabricAddresses, type TenantAddresses } from '../../lab/addressing.ts';
import { pause } from '../../lab/process.ts';
import { type ProgramFile, requireProgram } from '../../lab/programs.ts';
import { batch, tool } from '../../lab/tools.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { Testbed } from '../testbed.ts';
import { type OvsEnd, type OvsPlan, openVswitchPlan, type PortType } from './open-vswitch-plan.ts';
import type { Peer } from './peer.ts';

const START_TIMEOUT_MILLIS = 10_000;
export const VSCTL = ['ovs-vsctl', '--timeout=10'];

/** Threads that poll AF_XDP ports run on both cores, and rest a little when there is nothing to do. */
const POLLING = [
  'set',
  'Open_vSwitch',
  '.',
  'other_config:pmd-cpu-mask=0x3',
  'other_config:pmd-maxsleep=100',
];

const DESCRIPTIONS = {
  system: { name: 'ovsUserspace', title: 'Open vSwitch', settings: 'userspace datapath on packet sockets' },
  afxdp: { name: 'ovsAfXdp', title: 'Open vSwitch AF_XDP', settings: 'experimental, polls on both cores' },
} as const;

export async function attachOpenVswitch(testbed: Testbed, type: PortType): Promise<Peer> {
  const { lab } = testbed;
  for (const program of ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl'])
    await requireProgram(program);
  const [client, server] = endsOf(testbed, type);
  const plan = (end: OvsEnd) => openVswitchPlan(end, type, lab.topology.mtu, (node) => lab.node(node).netns);
  const daemons: number[] = [];
  for (const end of [client, server]) daemons.push(await attachEnd(testbed, end, plan(end), type));
  const serverAddress = plan(server).tenantAddress;
  await waitUntilReachable(testbed, serverAddress);
  const signal = (name: NodeJS.Signals) => () => {
    for (const pid of daemons) process.kill(pid, name);
  };
  const rests = type === 'afxdp' ? { rest: signal('SIGSTOP'), wake: signal('SIGCONT') } : {};
  return { ...DESCRIPTIONS[type], serverAddress, ...rests };
}

/**
 * Two instances cannot share a host: both would make the same device. The second kind of ports takes the other host of
 * each rack, with cables to the same tenants.
 */
function endsOf({ lab, client, server }: Testbed, type: PortType): [OvsEnd, OvsEnd] {
  const addresses = fabricAddresses(lab.topology);
  const place = (tenant: TenantAddresses) => {
    const { leaf, hosts } = lab.topology.racks.find((rack) => rack.hosts.includes(tenant.host))!;
    return { leaf, host: type === 'system' ? tenant.host : hosts.find((host) => host !== tenant.host)! };
  };
  const end = (here: TenantAddresses, there: TenantAddresses): OvsEnd => ({
    ...place(here),
    tenant: here.name,
    address: addresses.get(place(here).host)!,
    remoteAddress: addresses.get(place(there).host)!,
    tenantByte: Number(here.kernel.address.split('.').pop()),
  });
  return [end(client, server), end(server, client)];
}

/** The process that forwards packets. */
async function attachEnd({ lab }: Testbed, end: OvsEnd, plan: OvsPlan, type: PortType): Promise<number> {
  const netns = (node: string) => lab.node(node).netns;
  await batch('ip', netns(end.host), [...plan.cables]);
  await batch('ip', netns(end.leaf), [...plan.leaf]);
  await tool('ethtool', netns(end.tenant), ['-K', plan.tenantInterface, 'tx', 'off']);
  await batch('ip', netns(end.tenant), [...plan.tenant]);
  const daemons = await startDaemons(lab, end.host, join(lab.runFolder, `${end.host}-ovs-${type}`));
  if (type === 'afxdp') await lab.run(end.host, [...VSCTL, ...POLLING], { env: daemons.env });
  await lab.run(end.host, [...VSCTL, ...plan.configuration], { env: daemons.env });
  await batch('ip', netns(end.host), [...plan.host]);
  return daemons.pid;
}

export interface Daemons {
  readonly pid: number;
  /** For all of its programs. */
  readonly env: Readonly<Record<string, string>>;
}

export async function startDaemons(lab: Testbed['lab'], host: string, folder: string): Promise<Daemons> {
  mkdirSync(folder, { recursive: true });
  const vswitchd = await requireProgram('ovs-vswitchd');
  const env = environment(vswitchd, folder);
  const data = vswitchd.env['OVS_PKGDATADIR'] ?? '/usr/share/openvswitch';
  const database = join(folder, 'conf.db');
  const socket = join(folder, 'db.sock');
  const start = async (program: string, ...args: string[]) => {
    const log = [`--log-file=${join(folder, `${program}.log`)}`, '-vconsole:off'];
    const options = { env: { ...process.env, ...env }, stdio: 'ignore' as const };
    return (await lab.exec(host, [program, ...args, ...log], options)).pid!;
  };
  await lab.run(host, ['ovsdb-tool', 'create', database, join(data, 'vswitch.ovsschema')], { env });
  await start('ovsdb-server', database, `--remote=punix:${socket}`);
  await waitFor(`ovsdb-server on ${host}`, async () => existsSync(socket));
  await lab.run(host, [...VSCTL, '--no-wait', 'init'], { env });
  return { pid: await start('ovs-vswitchd', `unix:${socket}`), env };
}

/** libxdp looks for its programs under /usr. */
function environment({ env }: ProgramFile, folder: string): Record<string, string> {
  const folders = (env['LD_LIBRARY_PATH'] ?? '').split(':').filter(Boolean);
  const objects = folders.map((libraries) => join(libraries, 'bpf')).find(existsSync);
  return {
    OVS_RUNDIR: folder,
    OVS_LOGDIR: folder,
    OVS_DBDIR: folder,
    OVS_SYSCONFDIR: folder,
    ...(objects !== undefined && { LIBXDP_OBJECT_PATH: objects }),
  };
}

async function waitUntilReachable({ lab, client }: Testbed, address: string): Promise<void> {
  await waitFor('Open vSwitch to carry packets', async () => {
    const { status } = await lab.run(client.name, ['ping', '-c', '1', '-W', '1', address], {
      anyStatus: true,
    });
    return status === 0;
  });
}

async function waitFor(what: string, isThere: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MILLIS;
  while (!(await isThere())) {
    if (performance.now() > deadline)
      throw new SelvageError('failed', `Waited ${START_TIMEOUT_MILLIS / 1000} s in vain for ${what}.`);
    await pause(50);
  }
}
