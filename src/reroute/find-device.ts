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

interface RouteJson {
  readonly dev?: string;
  readonly prefsrc?: string;
  readonly from?: string;
  readonly nexthops?: readonly { readonly dev?: string }[];
}

/** By its name, or the only one there is. */
export async function findDevice({ ip }: Tools, name: string | undefined): Promise<OverlayDevice> {
  return chooseDevice(await runTool(ip, ['-j', '-d', 'link', 'show']), name);
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
  const from = local === undefined ? [] : ['from', formatHostAddress(local)];
  const text = await runTool(ip, ['-j', 'route', 'get', to, ...from]).catch((cause: unknown) => {
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

/** All devices that packets of the overlay leave by: its own, or those of the routes to its peers and of the default. */
export async function findUnderlays(
  tools: Tools,
  device: OverlayDevice,
  peers: readonly HostAddress[],
): Promise<string[]> {
  if (device.underlay !== undefined) return [device.underlay];
  const found = new Set<string>();
  for (const peer of peers) {
    const route = await findRoute(tools, peer, device.local).catch(() => undefined);
    if (route !== undefined) found.add(route.underlay);
  }
  const family = device.local === undefined ? 4 : familyOf(device.local);
  for (const name of await multipathDevices(tools, family)) found.add(name);
  // A route to ourselves is no way out.
  found.delete('lo');
  if (found.size > 0) return [...found];
  throw new SelvageError('failed', `No route says by which device packets of ${device.name} leave.`, {
    hint: 'Is the underlay up? `ip route` lists what it has.',
  });
}

/** Those of the default route, of which there may be several. */
async function multipathDevices({ ip }: Tools, family: 4 | 6): Promise<string[]> {
  const text = await runTool(ip, ['-j', `-${family}`, 'route', 'show', 'default']).catch(() => '[]');
  const routes = JSON.parse(text || '[]') as RouteJson[];
  return routes.flatMap(({ dev, nexthops = [] }) => [dev, ...nexthops.map((hop) => hop.dev)]).filter(isNamed);
}

function isNamed(name: string | undefined): name is string {
  return name !== undefined;
}
