// What `selvage probe` finds out: the ways from this host to a peer of its overlay, by the peer's address alone.

import { SelvageError } from '../base/errors.ts';
import { reportOf, type SurveyedRoute, type SurveyReport } from '../paths/survey-report.ts';
import { formatHostAddress, type HostAddress } from '../wire/address.ts';
import { fetchReroutePaths } from './client.ts';
import { findDevice, findPeers, findRoute, type Tools } from './find-device.ts';
import { familyOf, type OverlayDevice, parseHost } from './overlay-device.ts';
import type { ReroutePath } from './status.ts';
import { Surveyor } from './surveyor.ts';

/** Other peers whose ways are compared when all ports take one. */
const NEIGHBOURS = 4;

export interface ProbeOptions {
  readonly peer: string;
  /** The overlay's device by name. */
  readonly dev?: string | undefined;
  /** Its UDP port, where there is no device. */
  readonly port?: number | undefined;
  /** How many source ports are tried, and the first of them. */
  readonly ports: number;
  readonly basePort: number;
  /** Where processes that reroute answer. */
  readonly runtimeDir: string;
}

export interface ProbedRoute extends SurveyedRoute {
  /** To the peer itself and back, the least of its ports: where both hosts reroute. */
  readonly peerRttMicros?: number | undefined;
}

export interface ProbeReport extends SurveyReport {
  readonly routes: readonly ProbedRoute[];
  /** Whether a process on this host reroutes to the peer already. */
  readonly isRerouted: boolean;
  readonly source: string;
  readonly peer: string;
  readonly port: number;
  readonly dev?: string | undefined;
  /** By which packets leave. */
  readonly underlay: string;
}

/** Takes some seconds, since routers answer only so often. Throws SelvageError. */
export async function probe(
  tools: Tools,
  options: ProbeOptions,
  progress: (line: string) => void,
): Promise<ProbeReport> {
  const peer = readPeer(options.peer);
  const { dev, ports, basePort } = options;
  const device = options.port === undefined ? await findDevice(tools, dev) : undefined;
  const port = options.port ?? device!.port;
  const { source, underlay } = await wayTo(tools, peer, device);
  const sourcePorts = Array.from({ length: ports }, (_, i) => basePort + i);
  const surveyor = new Surveyor(source, port);
  try {
    progress(
      `Asking routers on the way from ${formatHostAddress(source)} to ${options.peer}, UDP port ${port} …`,
    );
    const survey = await surveyor.survey(peer, sourcePorts);
    const alone = reportOf(survey, []);
    const report =
      alone.hashesOnPort === 'one way' && device !== undefined
        ? reportOf(survey, await otherWays(tools, surveyor, device, peer, basePort))
        : alone;
    const ends = { source: formatHostAddress(source), peer: formatHostAddress(peer), port, underlay };
    const known = await fetchReroutePaths(options.runtimeDir, ends.peer).catch(() => []);
    const routes = report.routes.map((route) => withPeerRtt(route, known));
    const dev = device === undefined ? {} : { dev: device.name };
    return { ...ends, ...dev, ...report, routes, isRerouted: known.length > 0 };
  } finally {
    surveyor.close();
  }
}

function withPeerRtt(route: SurveyedRoute, known: readonly ReroutePath[]): ProbedRoute {
  const measured = known.filter(
    ({ sourcePort, rttMicros }) => rttMicros > 0 && route.sourcePorts.includes(sourcePort),
  );
  if (measured.length === 0) return route;
  return { ...route, peerRttMicros: Math.min(...measured.map(({ rttMicros }) => rttMicros)) };
}

export function readPeer(text: string): HostAddress {
  const peer = parseHost(text);
  if (peer !== undefined) return peer;
  throw new SelvageError('bad-input', `“${text}” is not an address.`, {
    hint: 'Give the underlay address of the other host, such as 10.0.2.1 or fd00:2::1; `bridge fdb show dev vxlan0` lists those known.',
  });
}

async function wayTo(tools: Tools, peer: HostAddress, device: OverlayDevice | undefined) {
  const local = device?.local;
  if (local !== undefined && familyOf(local) !== familyOf(peer)) {
    const hint = `${device!.name} sends from ${formatHostAddress(local)}: give an address of that family.`;
    throw new SelvageError('bad-input', `The underlay does not lead to ${formatHostAddress(peer)}.`, {
      hint,
    });
  }
  const way = await findRoute(tools, peer, local);
  if (way.underlay !== 'lo') return way;
  throw new SelvageError('bad-input', `${formatHostAddress(peer)} is this host itself.`, {
    hint: 'Give the address of another host.',
  });
}

/** The ways of one port to some other peers that the device knows. */
async function otherWays(
  tools: Tools,
  surveyor: Surveyor,
  device: OverlayDevice,
  peer: HostAddress,
  sourcePort: number,
): Promise<(readonly string[])[]> {
  const peers = await findPeers(tools, device);
  const others = peers.filter((other) => formatHostAddress(other) !== formatHostAddress(peer));
  const ways: (readonly string[])[] = [];
  for (const other of others.slice(0, NEIGHBOURS)) {
    const { hops } = await surveyor.survey(other, [sourcePort]);
    ways.push(hops.get(sourcePort)!);
  }
  return ways;
}
