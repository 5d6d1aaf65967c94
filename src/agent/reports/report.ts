// What the agent makes of its switches' reports, for people.

import { SLOT_STATE_NAMES } from '../../paths/slot-health.ts';
import { formatCidr, formatHostAddress, formatMac } from '../../wire/address.ts';
import type { ClientsReport } from '../clients/report.ts';
import type { HostConfig } from '../config.ts';
import { threadsOfVnics } from '../switch-config.ts';
import type { VnicPlan } from '../vnics.ts';
import type { FlowReport } from './flow-report.ts';
import { connectionStatusOf } from './flow-status.ts';
import { UNSETTLED } from './merge-reports.ts';
import type { AgentStatus, ClientsStatus, EndpointStatus } from './status.ts';
import type { SwitchReport } from './switch-report.ts';

export interface AgentFacts {
  readonly config: HostConfig;
  readonly version: string;
  readonly startedAt: number;
  readonly underlayMtu: number;
  readonly vnics: readonly VnicPlan[];
  /** The routers on the way of a peer's source port, by its number. */
  readonly hopsOf: (peer: number, candidate: number) => readonly string[];
}

/** `txDropped`: what TapDrops says of each vNIC; `clients` is undefined when they are not served. */
export function statusOf(
  facts: AgentFacts,
  report: SwitchReport,
  flows: readonly FlowReport[],
  txDropped: readonly (number | undefined)[],
  clients: ClientsReport | undefined,
): AgentStatus {
  const { config, version, startedAt, underlayMtu, vnics, hopsOf } = facts;
  const { address, port, sourcePorts } = config.underlay;
  const threads = threadsOfVnics(config);
  const configured = config.vnis.flatMap(({ vni, reliable, vnics }) =>
    vnics.map((vnic) => ({ vni, reliable, vnic })),
  );
  return {
    host: config.host,
    version,
    pid: process.pid,
    uptimeSeconds: Math.round((Date.now() - startedAt) / 1000),
    threads: config.threads,
    underlay: { address: formatHostAddress(address.address), port, sourcePorts, mtu: underlayMtu },
    vnics: configured.map(({ vni, reliable, vnic }, i) => ({
      vni,
      reliable,
      name: vnic.name,
      netns: vnic.netns,
      mac: formatMac(vnic.mac),
      addresses: vnic.addresses.map(formatCidr),
      mtu: vnics[i]!.mtu,
      thread: threads[i]!,
      txDropped: txDropped[i],
      ...(vnic.endpoint && { endpoint: endpointStatus(report, vnic.name) }),
    })),
    peers: report.peers.map(({ vtep, slots, alarm }, peer) => ({
      vtep: formatHostAddress(vtep),
      ...(alarm !== undefined && { alarm }),
      slots: slots.map(({ state, rttMicros, candidate, route }) => ({
        state: SLOT_STATE_NAMES[state]!,
        rttMicros,
        ...(candidate === UNSETTLED
          ? { route, hops: [] }
          : { sourcePort: sourcePorts + candidate, route, hops: hopsOf(peer, candidate) }),
      })),
    })),
    connections: flows.map(connectionStatusOf),
    clients: clients && clientsStatus(clients),
    counters: report.counters,
    dropped: { ...report.dropped, tapQueueFull: txDropped.reduce<number>((sum, n) => sum + (n ?? 0), 0) },
  };
}

function endpointStatus({ endpoints = [] }: SwitchReport, vnic: string): EndpointStatus | undefined {
  const found = endpoints.find(({ name }) => name === vnic);
  if (found === undefined) return undefined;
  const { name, ...status } = found;
  return status;
}

function clientsStatus(report: ClientsReport): ClientsStatus {
  const { sessions, sharedBytes, opened, closed, refused, interrupted, records, wakes, faults } = report;
  const counters = { opened, closed, refused, interrupted, records, wakes };
  return { sessions, sharedBytes, counters, faults };
}
