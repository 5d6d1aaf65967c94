// An agent's status as people read it: a few lines and tables; counters only where they are not zero.
import type {
  AgentStatus,
  ClientsStatus,
  ConnectionStatus,
  PeerStatus,
  SlotStatus,
  VnicStatus,
} from '../agent/reports/status.ts';
import { table } from '../base/table.ts';
import { CANDIDATES } from '../paths/path-table.ts';
import { SLOT_STATE_NAMES } from '../paths/slot-health.ts';
import { bytes, duration, micros } from './quantities.ts';

/** Fewer are peers of which something may be wrong with each. */
const LEAST_PEERS = 3;

export function renderStatus(status: AgentStatus): string {
  const { host, version, pid, uptimeSeconds, underlay, threads } = status;
  const several = threads > 1;
  const lastPort = underlay.sourcePorts + CANDIDATES - 1;
  return [
    `${host}: selvage ${version}, pid ${pid}, up ${duration(uptimeSeconds)}${several ? `, ${threads} data threads` : ''}`,
    `underlay ${underlay.address} port ${underlay.port}, source ports ${underlay.sourcePorts} to ${lastPort}, MTU ${underlay.mtu}`,
    ...section('interfaces', vnicTable(status.vnics, several), status.vnics.length),
    ...endpointLines(status.vnics),
    ...section('peers', peerTable(status.peers), status.peers.length),
    ...alarmLines(status.peers),
    ...section('connections', connectionTable(status.connections, several), status.connections.length),
    ...clientLines(status.clients),
    ...section('counted', counts(status.counters), nonZero(status.counters).length),
    ...section('dropped', counts(status.dropped), nonZero(status.dropped).length),
  ].join('\n');
}

function section(title: string, body: string, entries: number): string[] {
  return entries === 0 ? ['', `${title}: none`] : ['', title, body];
}

/** `several`: which data thread is worth a column. */
function vnicTable(vnics: readonly VnicStatus[], several: boolean): string {
  const rows = vnics.map((vnic) => {
    const { vni, reliable, name, netns, mac, addresses, mtu, thread, txDropped, endpoint } = vnic;
    return [
      vni,
      name,
      netns?.replace('/run/netns/', '') ?? '-',
      mac,
      mtu,
      reliable ? 'reliable' : 'plain',
      ...(several ? [thread] : []),
      endpoint === undefined ? (txDropped ?? 'gone') : '-',
      addresses.join(' '),
    ];
  });
  const head = ['VNI', 'NAME', 'NAMESPACE', 'MAC', 'MTU', 'SERVICE'];
  return table([...head, ...(several ? ['THREAD'] : []), 'TX DROPPED', 'ADDRESSES'], rows);
}

/** Only where there are any. */
function endpointLines(vnics: readonly VnicStatus[]): string[] {
  const rows = vnics.flatMap(({ name, endpoint }) => {
    if (endpoint === undefined) return [];
    const { owner, opened, refused, faults, sendRings, receiveRings, sharedBytes } = endpoint;
    const who = owner === undefined ? ['-', '-'] : [owner.pid, owner.uid];
    return [[name, ...who, opened, refused, faults, sendRings, receiveRings, bytes(sharedBytes)]];
  });
  const head = [
    'NAME',
    'OWNER',
    'USER',
    'OWNERS',
    'REFUSED',
    'FAULTS',
    'SEND RINGS',
    'RECEIVE RINGS',
    'MEMORY',
  ];
  return rows.length === 0 ? [] : section('native endpoints', table(head, rows), rows.length);
}

function peerTable(peers: readonly PeerStatus[]): string {
  const rows = peers.map(({ vtep, slots }) => [vtep, pathSummary(slots), routeCount(slots), rttRange(slots)]);
  return table(['VTEP', 'PATHS', 'ROUTES', 'RTT'], rows);
}

/** What loses packets on every path is no path: the peer, or this host when it is so of most peers (ZooRoute §8). */
function alarmLines(peers: readonly PeerStatus[]): string[] {
  const alarming = peers.filter(({ alarm }) => alarm !== undefined);
  if (alarming.length >= LEAST_PEERS && alarming.length * 2 > peers.length)
    return ['ALARM: paths to most peers are left too often: look at this host, not at paths'];
  return alarming.map(
    ({ vtep, alarm }) =>
      `ALARM: paths to ${vtep} are left too often (${alarm} slots moved lately): look at that host, not at paths`,
  );
}

function pathSummary(slots: readonly SlotStatus[]): string {
  return SLOT_STATE_NAMES.map((state) => ({
    state,
    count: slots.filter((slot) => slot.state === state).length,
  }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(', ');
}

/** Distinct routes of the slots, where they are known. */
function routeCount(slots: readonly SlotStatus[]): string {
  const known = new Set(slots.map(({ route }) => route).filter((route) => route > 0));
  return known.size === 0 ? '-' : String(known.size);
}

function rttRange(slots: readonly SlotStatus[]): string {
  const measured = slots.map(({ rttMicros }) => Math.round(rttMicros)).filter((rtt) => rtt > 0);
  if (measured.length === 0) return '-';
  const [least, most] = [Math.min(...measured), Math.max(...measured)];
  return least === most ? micros(least) : `${micros(least)} to ${micros(most)}`;
}

function connectionTable(connections: readonly ConnectionStatus[], several: boolean): string {
  const rows = connections.map(
    ({ vni, localMac, remoteMac, vtep, thread, remoteThread, state, packetsInFlight, because = '' }) => {
      const threads = several ? [`${thread} → ${remoteThread ?? '?'}`] : [];
      return [vni, localMac, remoteMac, vtep, ...threads, state, packetsInFlight, because];
    },
  );
  const threads = several ? ['THREADS'] : [];
  return table(['VNI', 'FROM', 'TO', 'VTEP', ...threads, 'STATE', 'IN FLIGHT', 'BECAUSE'], rows);
}

function clientLines(clients: ClientsStatus | undefined): string[] {
  if (clients === undefined) return ['', 'client sessions: not served'];
  const { sessions, counters, faults } = clients;
  const rows = sessions.map(({ pid, uid, service, records, sharedBytes }) => [
    pid,
    uid,
    service,
    records,
    bytes(sharedBytes),
  ]);
  const counted = [...nonZero(counters), ...nonZero(faults)].map(([name, count]) => `${count} ${name}`);
  return [
    ...section('client sessions', table(['PID', 'UID', 'SERVICE', 'RECORDS', 'SHARED'], rows), rows.length),
    ...(counted.length === 0 ? [] : [`so far: ${counted.join(', ')}`]),
  ];
}

function nonZero(counters: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counters).filter(([, count]) => count !== 0);
}

function counts(counters: Readonly<Record<string, number>>): string {
  const entries = nonZero(counters);
  const width = Math.max(0, ...entries.map(([, count]) => String(count).length));
  return entries.map(([name, count]) => `${String(count).padStart(width)}  ${name}`).join('\n');
}
