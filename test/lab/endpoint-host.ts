// A host of a lab whose agent has native endpoints, and the sockets of those.
import { join } from 'node:path';
import type { AgentConfig } from '../../lab/agents.ts';
import type { Lab } from '../../lab/lab.ts';

export interface EndpointVnic {
  readonly name: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly group?: string;
}

export const A: EndpointVnic = {
  name: 'a',
  mac: '02:00:00:00:77:a1',
  addresses: ['192.168.77.201/24', 'fd77::201/64'],
};
export const B: EndpointVnic = {
  name: 'b',
  mac: '02:00:00:00:77:b2',
  addresses: ['192.168.77.202/24', 'fd77::202/64'],
};

/** Two hosts' configurations with these endpoints beside the interfaces of their VNI, each known to the other host. */
export function withEndpoints(placed: Readonly<Record<string, readonly EndpointVnic[]>>) {
  return (config: AgentConfig): AgentConfig => {
    const [vni, ...others] = config.vnis;
    const own = (placed[config.host] ?? []).map((endpoint) => ({ ...endpoint, endpoint: true }));
    const elsewhere = Object.entries(placed).flatMap(([host, endpoints]) =>
      host === config.host ? [] : endpoints,
    );
    const known = elsewhere.map(({ mac, addresses }) => {
      return { mac, addresses: addresses.map((address) => address.split('/')[0]!) };
    });
    const remotes = vni!.remotes.map((remote) => ({ ...remote, vnics: [...remote.vnics, ...known] }));
    return { ...config, vnis: [{ ...vni!, vnics: [...vni!.vnics, ...own], remotes }, ...others] };
  };
}

export function endpointSocket(lab: Lab, host: string, { name }: EndpointVnic): string {
  return join(lab.runFolder, host, `endpoint-${name}.sock`);
}
