// Finds a VXLAN device and its surroundings with the programs of iproute2: its peers, and the devices and addresses that
// its packets leave by.

import { SelvageError } from '../base/errors.ts';
import { runTool, type Tool } from '../linux/ip.ts';
import { formatHostAddress, type HostAddress } from '../wire/address.ts';
import { chooseDevice, familyOf, type OverlayDevice, parseHost, peersIn } from './overlay-device.ts';

export interface Tools {
  readonly ip: Tool;
  readonly bridge: Tool;
}

/** How packets to a peer leave. */
export interface Route {
  readonly underlay: string;
  readonly source: HostAddress;
}

/** Peers that routes are asked for: of many the devices repeat. */
const ROUTES = 16;

interface RouteJson {
  readonly dev?: string;
  readonly gateway?: string;
  readonly prefsrc?: string;
  readonly from?: string;
  readonly nexthops?: readonly { readonly dev?: string }[];
}

/** By its name, or the only one there is. */
export async function findDevice(tools: Tools, name: string | undefined): Promise<OverlayDevice> {
  return chooseDevice(await findLinks(tools), name);
}

/** All network devices, as `ip` tells of them. */
export function findLinks({ ip }: Tools): Promise<string> {
  return runTool(ip, ['-j', '-d', 'link', 'show']);
}

/** Those in its forwarding database; none when the device is gone. */
export async function findPeers({ bridge }: Tools, device: OverlayDevice): Promise<HostAddress[]> {
  const text = await runTool(bridge, ['-j', 'fdb', 'show', 'dev', device.name]).catch(() => '[]');
  return peersIn(text, device);
}

/** Throws 'bad-input' when no route leads there. */
export async function findRoute(
  { ip }: Tools,
  peer: HostAddress,
  local: HostAddress | undefined,
): Promise<Route> {
  const to = formatHostAddress(peer);
  const text = await runTool(ip, ['-j', 'route', 'get', to, ...fromLocal(local)]).catch((cause: unknown) => {
    throw new SelvageError('bad-input', `No route leads to ${to} from this host.`, {
      hint: '`ip route get` says the same: is it the address of the other host in the underlay?',
      cause,
    });
  });
  const [route] = JSON.parse(text) as RouteJson[];
  const source = local ?? parseHost(route?.prefsrc ?? '');
  if (route?.dev === undefined || source === undefined) {
    throw new SelvageError('failed', `\`ip route get ${to}\` names no device or no source address.`);
  }
  return { underlay: route.dev, source };
}

/** The devices that packets of the overlay leave by, and the address that they come from. */
export interface WaysOut {
  readonly underlays: readonly string[];
  readonly local: HostAddress;
}

/** By its own settings, else by the routes to its peers and the default route. */
export async function findWaysOut(
  tools: Tools,
  device: OverlayDevice,
  peers: readonly HostAddress[],
): Promise<WaysOut> {
  const family = device.local === undefined ? 4 : familyOf(device.local);
  const defaults = await defaultRoutes(tools, family);
  const gateways = defaults.flatMap(({ gateway }) => parseHost(gateway ?? '') ?? []);
  const routes: Route[] = [];
  const others: string[] = [];
  for (const to of [...peers.slice(0, ROUTES), ...gateways]) {
    const route = await findRoute(tools, to, device.local).catch(() => undefined);
    // A route to ourselves is no way out.
    if (route === undefined || route.underlay === 'lo') continue;
    routes.push(route);
    others.push(...(await nexthops(tools, to, device.local)));
  }
  const local = device.local ?? routes[0]?.source;
  const underlays =
    device.underlay !== undefined
      ? [device.underlay]
      : [...new Set([...routes.map(({ underlay }) => underlay), ...others, ...defaults.flatMap(devicesOf)])];
  if (local !== undefined && underlays.length > 0) return { underlays, local };
  throw new SelvageError('failed', `No route says by which device packets of ${device.name} leave.`, {
    hint: 'Is the underlay up? `ip route` lists what it has.',
  });
}

async function defaultRoutes({ ip }: Tools, family: 4 | 6): Promise<RouteJson[]> {
  const text = await runTool(ip, ['-j', `-${family}`, 'route', 'show', 'default']).catch(() => '[]');
  return JSON.parse(text || '[]') as RouteJson[];
}

/** The devices of a route with several next hops, of which the kernel takes one for each flow; none of others. */
async function nexthops({ ip }: Tools, to: HostAddress, local: HostAddress | undefined): Promise<string[]> {
  const words = ['-j', 'route', 'get', 'fibmatch', formatHostAddress(to), ...fromLocal(local)];
  const text = await runTool(ip, words).catch(() => '[]');
  const routes = JSON.parse(text || '[]') as RouteJson[];
  return routes.flatMap((route) => (route.nexthops === undefined ? [] : devicesOf(route)));
}

function fromLocal(local: HostAddress | undefined): string[] {
  return local === undefined ? [] : ['from', formatHostAddress(local)];
}

function devicesOf({ dev, nexthops = [] }: RouteJson): string[] {
  return [dev, ...nexthops.map((hop) => hop.dev)].filter((name) => name !== undefined);
}
