// What a probe found, as people read it: the routes, and what that means when something fails.
import { table } from '../base/table.ts';
import type { ProbedRoute, ProbeReport } from '../reroute/probe.ts';
import { count, micros } from './quantities.ts';

const HEAD = ['ROUTE', 'SHARE', 'RTT', 'TO PEER', 'ROUTERS', 'SOURCE PORTS'];
/** Only where it is known. */
const PEER_RTT = HEAD.indexOf('TO PEER');

export function renderProbe(report: ProbeReport): string {
  const { source, peer, port, dev, underlay, routes } = report;
  const device = dev === undefined ? '' : ` of ${dev}`;
  const title = `From ${source} (${underlay}) to ${peer}, UDP port ${port}${device}:`;
  const lines = [HEAD, ...routes.map(row)];
  const isMeasured = routes.some(({ peerRttMicros }) => peerRttMicros !== undefined);
  const [head, ...rows] = isMeasured ? lines : lines.map((cells) => cells.toSpliced(PEER_RTT, 1));
  return [title, '', table(head!, rows), '', ...meaning(report)].join('\n');
}

function row(route: ProbedRoute, index: number): string[] {
  const { share, rttMicros = 0, peerRttMicros = 0, routers, sourcePorts, isSilent } = route;
  const way = routers.map((router) => router || '?').join(' ') + (isSilent ? ' ?' : '');
  const times = [micros(rttMicros), micros(peerRttMicros)];
  return [String(index + 1), percent(share), ...times, way.trim() || '?', ranges(sourcePorts)];
}

function meaning(report: ProbeReport): string[] {
  switch (report.hashesOnPort) {
    case 'yes':
      return gain(report);
    case 'no':
      return [
        'The fabric does not look at the outer source port: all ports take one route, although the way to another host',
        `behind the same last router passes ${report.elsewhere}.`,
        'Rerouting gains nothing until its switches hash on UDP ports, too.',
      ];
    case 'one way':
      return [
        'All ports take one route. Either there is no other, or the fabric does not look at the outer source port',
        '(some switches hash on addresses alone). Rerouting gains nothing here.',
      ];
    case 'unclear':
      return [
        'No router on the way says that it is there, so routes cannot be told apart: ICMP may be filtered.',
        'Rerouting needs no such answers: it judges source ports by what comes back by them.',
      ];
  }
}

function gain({ routes, shared, worst, isRerouted }: ProbeReport): string[] {
  const lines = [`The fabric hashes on the outer source port: ${count(routes.length, 'route')}.`];
  for (const { isSilent, sourcePorts } of routes) {
    if (!isSilent) continue;
    const ports = count(sourcePorts.length, 'port');
    lines.push(`One of them is silent (${ports}): a router does not say who it is, or is broken right now.`);
  }
  if (worst !== undefined) {
    const { router, share, routesLeft } = worst;
    const others = `the other ${routesLeft === 1 ? 'route' : `${routesLeft} routes`} in about a second`;
    if (routesLeft > 0 && isRerouted) {
      lines.push(
        `If ${router} fails, ${percent(share)} of flows are hit; \`selvage reroute\` moves them to ${others}.`,
      );
    } else {
      lines.push(
        `If ${router} fails, ${percent(share)} of flows are hit until the underlay converges, or for as long as it fails silently.`,
        routesLeft === 0
          ? 'Nothing stands in for it.'
          : `With \`selvage reroute\` on both hosts they move to ${others}.`,
      );
    }
  }
  if (shared.length > 0) lines.push(`All routes pass ${shared.join(' and ')}: nothing leads round there.`);
  return lines;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `10000-10003 10007`. */
function ranges(ports: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < ports.length; ) {
    let end = at;
    while (ports[end + 1] === ports[end]! + 1) end++;
    parts.push(end === at ? `${ports[at]}` : `${ports[at]}-${ports[end]}`);
    at = end + 1;
  }
  return parts.join(' ');
}
