// What the data thread tells about itself, and what the agent makes of it for people.

import type { TapDevice } from '../device/tap.ts';
import type { UdpUnderlay } from '../device/udp.ts';
import { SLOT_STATE_NAMES, SLOTS } from '../paths/path-table.ts';
import { CONNECTION_STATE_NAMES } from '../transport/connections.ts';
import type { Switch } from '../vswitch/switch.ts';
import { formatCidr, formatHostAddress, formatMac } from '../wire/address.ts';
import type { HostConfig } from './config.ts';
import type { AgentStatus } from './status.ts';
import type { DataThreadReport } from './thread-messages.ts';
import type { VnicPlan } from './vnics.ts';

export function reportOf(
  vswitch: Switch,
  taps: readonly TapDevice[],
  underlay: UdpUnderlay,
): DataThreadReport {
  const { dropped, ...switched } = vswitch.counters;
  const { connections, counters } = vswitch.transport;
  const { forwarding, paths } = vswitch;
  const sum = (pick: (tap: TapDevice) => number) => taps.reduce((total, tap) => total + pick(tap), 0);
  return {
    counters: {
      ...switched,
      framesOut: vswitch.framesOut,
      framesQueued: vswitch.framesQueued,
      framesWaiting: vswitch.framesWaiting,
      ...counters,
      ...paths.changes,
    },
    dropped: {
      ...dropped,
      vnicNoMemory: sum((tap) => tap.dropped),
      vnicRefused: sum((tap) => tap.refused),
      underlaySend: underlay.dropped,
    },
    peers: forwarding.peers.map((vtep, peer) => ({
      vtep,
      slots: Array.from({ length: SLOTS }, (_, slot) => ({
        state: paths.stateOf(peer, slot),
        rttMicros: Math.round(paths.rttMicros(peer, slot)),
      })),
    })),
    connections: Array.from({ length: connections.count }, (_, row) => {
      const pair = connections.pair[row]!;
      const send = connections.send[row];
      return {
        vni: connections.vni[row]!,
        localMac: forwarding.localMac(pair),
        remoteMac: forwarding.remoteMac(pair),
        peer: connections.peer[row]!,
        state: connections.state[row]!,
        packetsInFlight: send === undefined ? 0 : (send.txNext - send.una) >>> 0,
      };
    }),
  };
}

export interface AgentFacts {
  readonly config: HostConfig;
  readonly version: string;
  readonly startedAt: number;
  readonly underlayMtu: number;
  readonly vnics: readonly VnicPlan[];
}

/** `txDropped`: what TapDrops says of each vNIC. */
export function statusOf(
  facts: AgentFacts,
  report: DataThreadReport,
  txDropped: readonly (number | undefined)[],
): AgentStatus {
  const { config, version, startedAt, underlayMtu, vnics } = facts;
  const { address, port, sourcePorts } = config.underlay;
  const configured = config.vnis.flatMap(({ vni, reliable, vnics }) =>
    vnics.map((vnic) => ({ vni, reliable, vnic })),
  );
  return {
    host: config.host,
    version,
    pid: process.pid,
    uptimeSeconds: Math.round((Date.now() - startedAt) / 1000),
    underlay: { address: formatHostAddress(address.address), port, sourcePorts, mtu: underlayMtu },
    vnics: configured.map(({ vni, reliable, vnic }, i) => ({
      vni,
      reliable,
      name: vnic.name,
      netns: vnic.netns,
      mac: formatMac(vnic.mac),
      addresses: vnic.addresses.map(formatCidr),
      mtu: vnics[i]!.mtu,
      txDropped: txDropped[i],
    })),
    peers: report.peers.map(({ vtep, slots }) => ({
      vtep: formatHostAddress(vtep),
      slots: slots.map(({ state, rttMicros }) => ({ state: SLOT_STATE_NAMES[state]!, rttMicros })),
    })),
    connections: report.connections.map(({ vni, localMac, remoteMac, peer, state, packetsInFlight }) => ({
      vni,
      localMac: formatMac(localMac),
      remoteMac: formatMac(remoteMac),
      vtep: formatHostAddress(report.peers[peer]!.vtep),
      state: CONNECTION_STATE_NAMES[state]!,
      packetsInFlight,
    })),
    counters: report.counters,
    dropped: { ...report.dropped, tapQueueFull: txDropped.reduce<number>((sum, n) => sum + (n ?? 0), 0) },
  };
}
