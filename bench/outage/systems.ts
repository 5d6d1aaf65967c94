// The systems of the campaign on one fabric: each between two hosts of its own, one in either rack, with a tenant's machine on
// each, so that none meets what another does.
import type { AgentConfig } from '../../lab/agents.ts';
import { type Topology, topologyOf } from '../../lab/topology.ts';
import { attachPeers } from '../harness/attach.ts';
import { attachKernelMptcp } from '../peers/kernel-mptcp.ts';
import { attachKernelReroute } from '../peers/kernel-reroute.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import type { Peer, PeerName } from '../peers/peer.ts';
import { attachProbeAndSwitch } from '../peers/probe-and-switch.ts';
import { attachRandomRepick, setRepick } from '../peers/random-repick.ts';
import { attachSelvage } from '../peers/selvage.ts';
import type { Progress, Testbed } from '../testbed.ts';
import type { HostPair } from './strikes.ts';

export interface System {
  readonly peer: Peer;
  /** Its own part of the fabric. */
  readonly testbed: Testbed;
  readonly hosts: HostPair;
}

type Attach = (testbed: Testbed) => Promise<Peer>;

/** In the order in which they are attached: probe-and-switch takes away a device that those before it look for. */
const SYSTEMS: readonly (readonly [title: string, hosts: string, attach: Attach])[] = [
  ['kernel VXLAN', 'kernel', attachKernelVxlan],
  ['Selvage, standalone', 'healed', attachKernelReroute],
  ['random re-pick', 'repick', attachRandomRepick],
  ['MPTCP', 'mptcp', attachKernelMptcp],
  ['probe and switch', 'switch', attachProbeAndSwitch],
  ['Selvage', 'agent', attachAgents],
];

/** In the order of tables. */
const ORDER: readonly PeerName[] = [
  'kernelVxlan',
  'randomRepick',
  'probeAndSwitch',
  'kernelMptcp',
  'selvageReroute',
  'selvage',
];

export function outageTopology(): Topology {
  const hosts = (rack: number) => SYSTEMS.map(([, name]) => `${name}${rack}`);
  return topologyOf({
    racks: [1, 2].map((rack) => ({ name: `rack${rack}`, leaf: `leaf${rack}`, hosts: hosts(rack) })),
    tenants: [1, 2].flatMap((rack) =>
      SYSTEMS.map(([, name]) => ({
        name: `${name}${rack === 1 ? 'client' : 'server'}`,
        host: `${name}${rack}`,
      })),
    ),
  });
}

export async function attachSystems(
  testbed: Testbed,
  progress: Progress,
): Promise<{ readonly systems: readonly System[]; readonly missing: readonly string[] }> {
  const { lab } = testbed;
  const parts = new Map<PeerName, Testbed>();
  // Tenants' machines are virtual ones, but where it is said otherwise.
  for (const { name } of lab.tenants) await setRepick(lab, name, false);
  const { peers, missing } = await attachPeers(
    SYSTEMS.map(([title, hosts, attach]) => [
      title,
      async () => {
        const part = partOf(testbed, hosts);
        const peer = await attach(part);
        parts.set(peer.name, part);
        return peer;
      },
    ]),
    progress,
  );
  const systems = peers
    .map((peer): System => {
      const part = parts.get(peer.name)!;
      const { client, server } = part;
      return { peer, testbed: part, hosts: { client: client.host, server: server.host } };
    })
    .sort((a, b) => ORDER.indexOf(a.peer.name) - ORDER.indexOf(b.peer.name));
  return { systems, missing };
}

function partOf({ lab }: Testbed, hosts: string): Testbed {
  const [clientRack] = lab.topology.racks;
  const { leaf } = clientRack!;
  const tenantOf = (host: string) => lab.tenants.find((tenant) => tenant.host === host)!;
  const client = tenantOf(`${hosts}1`);
  return {
    lab,
    client,
    server: tenantOf(`${hosts}2`),
    accessLink: `${client.host}-${leaf}`,
    clientLeaf: leaf,
  };
}

/** The agents know each other and no host that runs none. */
function attachAgents(testbed: Testbed): Promise<Peer> {
  const ours = [testbed.client.vtep, testbed.server.vtep];
  const edit = (config: AgentConfig): AgentConfig => ({
    ...config,
    vnis: config.vnis.map((vni) => ({
      ...vni,
      remotes: vni.remotes.filter(({ vtep }) => ours.includes(vtep)),
    })),
  });
  return attachSelvage(testbed, { edit });
}
