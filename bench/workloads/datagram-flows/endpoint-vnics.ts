// Native endpoints beside the interfaces of a lab's tenants: the configurations of agents that have them, and their sockets.
import { join } from 'node:path';
import type { AgentConfig } from '../../../lab/agents.ts';
import type { Lab } from '../../../lab/lab.ts';
import type { Vnic } from './cases.ts';

export interface EndpointVnic {
  readonly name: string;
  readonly host: string;
  readonly mac: string;
  readonly address: string;
}

/** The configuration with these endpoints in its first VNI: those of its own host, and the others as remote ones. */
export function withEndpoints(
  config: AgentConfig,
  endpoints: readonly EndpointVnic[],
  vtepOf: (host: string) => string,
) {
  const [vni, ...others] = config.vnis;
  const own = endpoints.filter(({ host }) => host === config.host);
  const vnics = own.map(({ name, mac, address }) => {
    return { name, mac, addresses: [`${address}/24`], endpoint: true };
  });
  const remotes = vni!.remotes.map((remote) => {
    const there = endpoints.filter(({ host }) => host !== config.host && vtepOf(host) === remote.vtep);
    const added = there.map(({ mac, address }) => ({ mac, addresses: [address] }));
    return { ...remote, vnics: [...remote.vnics, ...added] };
  });
  return { ...config, vnis: [{ ...vni!, vnics: [...vni!.vnics, ...vnics], remotes }, ...others] };
}

export function endpointOf(lab: Lab, { name, host }: EndpointVnic): Vnic {
  return { vnic: name, socket: join(lab.runFolder, host, `endpoint-${name}.sock`) };
}
