// What processes that reroute say of themselves, as people read it.
import { table } from '../base/table.ts';
import type { ReroutePath, ReroutePeer, RerouteStatus } from '../reroute/status.ts';
import { alarmText } from '../reroute/words.ts';
import { age, duration, micros } from './quantities.ts';

const PEER_HEAD = ['PEER', 'STATE', 'SCENARIO', 'PROBES', 'USABLE', 'IN USE', 'LEFT', 'HOPS', 'USED'];
const PATH_HEAD = ['PEER', 'DEVICE', 'PORT', 'STATE', 'IN USE', 'RTT', 'NO FAILURE FOR', 'PROBES', 'BACKEND'];

const states: Readonly<Record<ReroutePeer['state'], string>> = {
  asking: 'is asked',
  speaks: 'rerouted',
  plain: 'left in peace',
};

export function renderReroutes(statuses: readonly RerouteStatus[]): string {
  return statuses.map(renderReroute).join('\n\n');
}

function renderReroute(status: RerouteStatus): string {
  const { devices, pid, version, uptimeSeconds, port, address, underlays, role, peers, alarms, counters } =
    status;
  const lines = [
    `${devices.join(' and ')}: UDP port ${port} from ${address} by ${underlays.join(', ')}, as ${role} (Selvage ${version}, pid ${pid}, up ${duration(uptimeSeconds)})`,
    ...alarms.map((alarm) => `alarm for ${age(alarm.forSeconds)}: ${alarmText(alarm)}`),
    '',
    peers.length === 0 ? 'Nothing was sent to any peer lately.' : table(PEER_HEAD, peers.map(peerRow)),
    '',
    Object.entries(counters)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
  ];
  return lines.join('\n').trimEnd();
}

function peerRow(peer: ReroutePeer): (string | number)[] {
  const { address, state, scenario, mode, ports, usable, inUse, switches, hops, usedSecondsAgo } = peer;
  const speaks = state === 'speaks';
  return [
    address,
    states[state],
    speaks ? scenario : '-',
    speaks ? mode : '-',
    speaks ? `${usable}/${ports}` : '-',
    speaks ? String(inUse) : '-',
    switches,
    hops === undefined ? '-' : String(hops),
    `${age(usedSecondsAgo)} ago`,
  ];
}

export function renderReroutePaths(paths: readonly ReroutePath[]): string {
  return table(
    PATH_HEAD,
    paths.map(({ peer, dev, sourcePort, state, inUse, rttMicros, failureFreeSeconds, probes, backend }) => [
      peer,
      dev,
      sourcePort,
      state,
      inUse ? 'yes' : '-',
      micros(rttMicros),
      failureFreeSeconds === undefined ? '-' : age(failureFreeSeconds),
      probes.sent === 0 ? '-' : `${probes.sent - probes.lost}/${probes.sent}`,
      backend ?? '-',
    ]),
  );
}
