// What rerouting has to know of its host: the overlay's devices, their peers, and the devices and addresses of the underlay. And
// hearing from the system that something of that may have changed.

import { spawn } from 'node:child_process';
import { SelvageError } from '../base/errors.ts';
import { formatHostAddress, type HostAddress, type Mac } from '../wire/address.ts';
import { findLinks, findPeers, findWaysOut, type Tools, type WaysOut } from './find-device.ts';
import type { UnderlayDevice } from './options.ts';
import { chooseDevices, familyOf, type OverlayDevice, readLink } from './overlay-device.ts';

export interface Surroundings {
  /** Names of those that share a UDP port and an address, and so a table. */
  readonly devices: readonly string[];
  readonly port: number;
  readonly local: HostAddress;
  readonly underlays: readonly UnderlayDevice[];
  readonly peers: readonly HostAddress[];
  /** Of the first underlay device: it tells us from others behind one address (ZooRoute §6). */
  readonly mac: Mac;
}

interface DeviceWays extends WaysOut {
  readonly device: OverlayDevice;
  readonly peers: readonly HostAddress[];
}

/**
 * Of the devices named, or of the only one there is. Throws SelvageError when a device or a way out is missing; if not all
 * are needed, when all devices are.
 */
export async function lookAround(
  tools: Tools,
  names: readonly string[],
  needsAll = true,
): Promise<Surroundings> {
  const links = await findLinks(tools);
  const there = names.filter((name) => readLink(links, name) !== undefined);
  const devices = chooseDevices(links, needsAll || there.length === 0 ? names : there);
  const ways: DeviceWays[] = [];
  for (const device of devices) {
    const peers = await findPeers(tools, device);
    ways.push({ device, peers, ...(await findWaysOut(tools, device, peers)) });
  }
  const first = ways[0]!;
  for (const other of ways) requireOneTable(first, other);
  const underlays = [...new Set(ways.flatMap((each) => each.underlays))];
  const found = underlays.flatMap((name) => {
    const link = readLink(links, name);
    return link === undefined ? [] : { name, ...link };
  });
  const { local, device } = first;
  if (found.length === 0) {
    throw new SelvageError('failed', `${device.name} sends by ${underlays.join(', ')}, which is not there.`);
  }
  return {
    devices: devices.map(({ name }) => name),
    port: device.port,
    local,
    underlays: found,
    peers: ways.flatMap(({ peers }) => peers),
    mac: found[0]!.mac,
  };
}

/** Paths are those of an address and a port: what is known of one device’s says nothing of the other’s. */
function requireOneTable(one: DeviceWays, other: DeviceWays): void {
  const end = ({ local, device }: DeviceWays) => `${formatHostAddress(local)}, UDP port ${device.port}`;
  if (end(one) === end(other)) return;
  const [name, otherName] = [one.device.name, other.device.name];
  const isApart = one.device.port !== other.device.port || familyOf(one.local) !== familyOf(other.local);
  throw new SelvageError(
    'bad-input',
    `${name} sends from ${end(one)}, and ${otherName} from ${end(other)}: they have different paths.`,
    {
      hint: isApart
        ? 'Start a process for each.'
        : 'On a host, one address of a family is rerouted for each UDP port: give both devices the same.',
    },
  );
}

export function areSameUnderlays(a: Surroundings, b: Surroundings): boolean {
  const text = ({ underlays }: Surroundings) => underlays.map(({ name, index }) => `${name}#${index}`).join();
  return text(a) === text(b);
}

/** Changes come in bursts. */
const SETTLE_MILLIS = 300;
/** In case that one was missed. */
const REPEAT_MILLIS = 30_000;

/** Calls `onChange` after each change of links, addresses or routes, and every half minute; returns what ends it. */
export function watchSurroundings({ ip }: Tools, onChange: () => void): () => void {
  const monitor = spawn(ip.path, ['monitor', 'link', 'address', 'route'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...ip.env },
  });
  let timer: NodeJS.Timeout | undefined;
  monitor.stdout.on('data', () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      onChange();
    }, SETTLE_MILLIS);
  });
  // Then it is looked every half minute only.
  monitor.on('error', () => {});
  const repeat = setInterval(onChange, REPEAT_MILLIS);
  return () => {
    clearTimeout(timer);
    clearInterval(repeat);
    monitor.kill();
  };
}
