// From the host's configuration to what the switch is told.

import { datagramBytes, type NetworkConfig, type SwitchConfig } from '../vswitch/config.ts';
import type { HostConfig, IpAddress, VniConfig } from './config.ts';

export function switchConfig(config: HostConfig, underlayMtu: number): SwitchConfig {
  return {
    datagramBytes: datagramBytes(underlayMtu, config.underlay.address.family),
    windowPackets: config.transport.window,
    sprayPackets: config.transport.sprayPackets,
    threadId: 0,
    networks: config.vnis.map(network),
  };
}

function network({ vni, reliable, reorder, congestion, vnics, remotes }: VniConfig): NetworkConfig {
  return {
    vni,
    reliable,
    reorder,
    congestion,
    ports: vnics.map(({ name, mac, addresses, sourceCheck }) => ({
      name,
      mac,
      sourceCheck,
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
