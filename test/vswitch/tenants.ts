// Tenants of the switch's tests, by number: tenant n has MAC 02:00:00:00:00:n, 10.0.0.n and fd00::n, so that 1 and 2 are
// the two ends that test/wire/frames.ts makes frames for. And the configurations of the hosts that they are on.

import {
  datagramBytes,
  type NetworkConfig,
  type PortConfig,
  type SwitchConfig,
} from '../../src/vswitch/config.ts';
import type { Ipv4Address, Ipv6Address, Mac } from '../../src/wire/address.ts';
import { writeVirtioNetHeader } from '../../src/wire/virtio-net-header.ts';
import { buildFrame, type FrameSpec } from '../wire/frames.ts';

export const UNDERLAY_MTU = 1500;
export const WINDOW_PACKETS = 512;

export function macOf(tenant: number): Mac {
  return 0x0200_0000_0000 + tenant;
}

export function ipv4Of(tenant: number): Ipv4Address {
  return 0x0a00_0000 + tenant;
}

export function ipv6Of(tenant: number): Ipv6Address {
  return [0xfd00_0000, 0, 0, tenant];
}

/** The VTEP of host 0, 1, … */
export function vtepOf(host: number): Ipv4Address {
  return 0xc000_0200 + host;
}

/** One network: which tenants each host has, by the host's number. */
export interface Layout {
  readonly vni: number;
  readonly reliable: boolean;
  readonly reorder?: boolean;
  readonly hosts: readonly (readonly number[])[];
  /** What tenants take, by their numbers; those without take everything. */
  readonly policies?: Readonly<Record<number, ReceivePolicyConfig>>;
  readonly congestion?: string;
}

export type ReceivePolicyConfig = Pick<PortConfig, 'accept' | 'receiveBytesPerSecond'>;

/** The configuration of one of the hosts. */
export function configOf(
  host: number,
  layouts: readonly Layout[],
  changes: Partial<SwitchConfig & Pick<PortConfig, 'sourceCheck'>> = {},
): SwitchConfig {
  const { sourceCheck = true, ...rest } = changes;
  const addresses = (tenant: number) => ({
    mac: macOf(tenant),
    ipv4: [ipv4Of(tenant)],
    ipv6: [ipv6Of(tenant)],
  });
  const network = ({
    vni,
    reliable,
    reorder = true,
    congestion = 'constant',
    hosts,
    policies,
  }: Layout): NetworkConfig => ({
    vni,
    reliable,
    reorder,
    congestion,
    ports: (hosts[host] ?? []).map((tenant) => ({
      name: `t${tenant}`,
      sourceCheck,
      ...addresses(tenant),
      ...policies?.[tenant],
    })),
    remotes: hosts.flatMap((tenants, other) =>
      other === host || tenants.length === 0
        ? []
        : [{ vtep: vtepOf(other), vnics: tenants.map((tenant) => addresses(tenant)) }],
    ),
  });
  return {
    datagramBytes: datagramBytes(UNDERLAY_MTU, 4),
    windowPackets: WINDOW_PACKETS,
    threadId: 0,
    networks: layouts.map(network),
    ...rest,
  };
}

export interface Offload {
  readonly flags?: number;
  readonly gsoType?: number;
  readonly gsoSize?: number;
  readonly csumStart?: number;
  readonly csumOffset?: number;
}

/** The frame behind a virtio_net_hdr. */
export function withOffload(frame: Uint8Array, offload: Offload = {}): Uint8Array {
  const { flags = 0, gsoType = 0, gsoSize = 0, csumStart = 0, csumOffset = 0 } = offload;
  const whole = new Uint8Array(10 + frame.length);
  writeVirtioNetHeader(new DataView(whole.buffer), 0, flags, gsoType, 0, gsoSize, csumStart, csumOffset);
  whole.set(frame, 10);
  return whole;
}

/** A frame from one tenant to another, virtio_net_hdr first, nothing left to do to it. */
export function frameBetween(from: number, to: number, spec: FrameSpec): Uint8Array {
  const ethernet = { source: macOf(from), destination: macOf(to), ...spec.ethernet };
  const network =
    spec.ipv6 === undefined
      ? { ipv4: { source: ipv4Of(from), destination: ipv4Of(to), ...spec.ipv4 } }
      : { ipv6: { source: ipv6Of(from), destination: ipv6Of(to), ...spec.ipv6 } };
  return withOffload(buildFrame({ ...spec, ethernet, ...network }));
}
