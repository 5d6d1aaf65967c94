// What rerouting has to know of its host: the overlay's device, its peers, and the devices and addresses of the underlay. And
// hearing from the system that something of that may have changed.

import { spawn } from 'node:child_process';
import { SelvageError } from '../base/errors.ts';
import type { HostAddress, Mac } from '../wire/address.ts';
import { findLinks, findPeers, findWaysOut, type Tools } from './find-device.ts';
import type { UnderlayDevice } from './options.ts';
import { chooseDevice, type OverlayDevice, readLink } from './overlay-device.ts';

export interface Surroundings {
  readonly device: OverlayDevice;
  readonly local: HostAddress;
  readonly underlays: readonly UnderlayDevice[];
  readonly peers: readonly HostAddress[];
  /** Of the first underlay device: it tells us from others behind one address (ZooRoute §6). */
  readonly mac: Mac;
}

/** Throws SelvageError when the device or a way out is missing. */
export async function lookAround(tools: Tools, name: string | undefined): Promise<Surroundings> {
  const links = await findLinks(tools);
  const device = chooseDevice(links, name);
  const peers = await findPeers(tools, device);
  const { local, underlays } = await findWaysOut(tools, device, peers);
  const found = underlays.flatMap((each) => {
    const link = readLink(links, each);
    return link === undefined ? [] : { name: each, ...link };
  });
  if (found.length > 0) return { device, local, underlays: found, peers, mac: found[0]!.mac };
  throw new SelvageError('failed', `${device.name} sends by ${underlays.join(', ')}, which is not there.`);
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
