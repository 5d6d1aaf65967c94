// From the host's configuration to what the switch of each data thread is told: the same, but for its number. Interfaces
// are dealt out to the threads in the order of the configuration. Native endpoints are all the first one's: between those of
// one thread a slow receiver holds its sender, and nothing is lost; other threads hand frames for them over.

import { datagramBytes, type NetworkConfig, type SwitchConfig } from '../vswitch/config.ts';
import type { HostConfig, IpAddress, VniConfig } from './config.ts';

const ENDPOINTS_THREAD = 0;

/** The data thread that each vNIC belongs to, in the order of the configuration. */
export function threadsOfVnics({ threads, vnis }: Pick<HostConfig, 'threads' | 'vnis'>): number[] {
  let dealt = 0;
  return vnis.flatMap(({ vnics }) =>
    vnics.map(({ endpoint }) => (endpoint ? ENDPOINTS_THREAD : dealt++ % threads)),
  );
}

/** One for each data thread. */
export function switchConfigs(config: HostConfig, underlayMtu: number): SwitchConfig[] {
  const { threads } = config;
  const dealt = threadsOfVnics(config).values();
  const networks = config.vnis.map((vni) => network(vni, () => dealt.next().value!));
  const common = {
    datagramBytes: datagramBytes(underlayMtu, config.underlay.address.family),
    windowPackets: config.transport.window,
    sprayPackets: config.transport.sprayPackets,
    scheduler: config.transport.scheduler,
    threads,
    pauses: config.queues.pauses,
    doorbells: config.queues.doorbells,
    input: config.queues.input,
    receive: config.queues.receive,
    networks,
  };
  return Array.from({ length: threads }, (_, threadId) => ({ ...common, threadId }));
}

function network(
  { vni, reliable, reorder, congestion, vnics, remotes }: VniConfig,
  deal: () => number,
): NetworkConfig {
  return {
    vni,
    reliable,
    reorder,
    congestion,
    ports: vnics.map(({ name, mac, addresses, sourceCheck, accept, receiveRate }) => ({
      name,
      mac,
      sourceCheck,
      thread: deal(),
      ...(accept !== undefined && { accept }),
      ...(receiveRate !== undefined && { receiveBytesPerSecond: receiveRate / 8 }),
      ...byFamily(addresses),
    })),
    remotes: remotes.map((remote) => ({
      vtep: remote.vtep.address,
      vnics: remote.vnics.map(({ mac, addresses }) => ({ mac, ...byFamily(addresses) })),
    })),
  };
}

function byFamily(addresses: readonly IpAddress[]) {
  return {
    ipv4: addresses.flatMap((own) => (own.family === 4 ? [own.address] : [])),
    ipv6: addresses.flatMap((own) => (own.family === 6 ? [own.address] : [])),
  };
}
