// What the switch is told about its host: plain data, made from the validated configuration.

import type { Ipv4Address, Ipv6Address, Mac } from '../wire/address.ts';

export interface AddressSet {
  readonly ipv4: readonly Ipv4Address[];
  readonly ipv6: readonly Ipv6Address[];
}

export interface PortConfig extends AddressSet {
  readonly name: string;
  readonly mac: Mac;
  /** Frames from here may only bear the MAC and the addresses above. */
  readonly sourceCheck: boolean;
}

export interface RemoteVnicConfig extends AddressSet {
  readonly mac: Mac;
}

export interface RemoteConfig {
  readonly vtep: Ipv4Address;
  readonly vnics: readonly RemoteVnicConfig[];
}

export interface NetworkConfig {
  readonly vni: number;
  /** False: plain VXLAN that any VTEP understands. */
  readonly reliable: boolean;
  readonly ports: readonly PortConfig[];
  readonly remotes: readonly RemoteConfig[];
}

export interface SwitchConfig {
  readonly underlayMtu: number;
  readonly windowPackets: number;
  readonly threadId: number;
  readonly networks: readonly NetworkConfig[];
}

/** IPv4, UDP, VXLAN. */
export const VXLAN_OVERHEAD_BYTES = 20 + 8 + 8;
/** The data header on top. */
export const TRANSPORT_OVERHEAD_BYTES = VXLAN_OVERHEAD_BYTES + 16;

/** Largest payload of one packet of the transport. */
export function transportPayloadBytes(underlayMtu: number): number {
  return underlayMtu - TRANSPORT_OVERHEAD_BYTES;
}
