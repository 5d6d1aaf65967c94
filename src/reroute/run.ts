// `selvage reroute`: the process that keeps VXLAN devices of the kernel off paths that fail.

import type { ReroutingCore } from '../paths/reroute/core.ts';
import type { Role } from '../paths/reroute/roles.ts';
import { holdPlaces, serveReroute } from './answers.ts';
import type { Tools } from './find-device.ts';
import { unload } from './kernel-half.ts';
import { News } from './news.ts';
import { Overlay } from './overlay.ts';
import { StateFile } from './state-file.ts';
import { lookAround, watchSurroundings } from './surroundings.ts';

export interface RunOptions {
  /** Devices by name, of one UDP port and address; none: the only one. */
  readonly devices: readonly string[];
  readonly role: Role;
  /** The first of the source ports. */
  readonly basePort: number;
  readonly runtimeDir: string;
  /** Waits for devices that are not there yet; they need names. */
  readonly wait: boolean;
}

export interface RunSurroundings {
  readonly tools: Tools;
  readonly version: string;
}

/** Until SIGTERM or SIGINT. Throws SelvageError when it cannot start, or cannot go on. */
export async function runReroute(options: RunOptions, { tools, version }: RunSurroundings): Promise<void> {
  const { role, basePort, runtimeDir, devices, wait } = options;
  // From the start: whoever is ended while it begins leaves nothing, too.
  const stopped = stopSignal();
  const names = wait ? devices : (await lookAround(tools, devices)).devices;
  const news = new News(names[0]!, say);
  const onLook = (core: ReroutingCore, now: number) => news.tell(core, now);
  const state = new StateFile(runtimeDir, names[0]!);
  const overlay = new Overlay(names, { role, basePort, tools, state, onLook, say });
  const servers = await serveReroute(overlay, { role, version, runtimeDir });
  let endWatch = () => {};
  try {
    await overlay.follow();
    const failed = new Promise<never>((_, reject) => {
      let following = Promise.resolve();
      endWatch = watchSurroundings(tools, () => {
        following = following.then(() => overlay.follow()).catch(reject);
      });
    });
    await Promise.race([stopped, failed]);
  } finally {
    endWatch();
    await overlay.stop();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

/** Takes off what a process that was killed left on the devices, and says what that was. Throws while one runs. */
export async function unloadReroute(
  tools: Tools,
  names: readonly string[],
  runtimeDir: string,
): Promise<string> {
  const { devices, port, local, underlays } = await lookAround(tools, names);
  const places = await holdPlaces(runtimeDir, devices);
  try {
    const removed = unload(underlays, { port, local });
    const where = underlays.map(({ name }) => name).join(', ');
    if (removed === 0) return `There was nothing of ours on ${where}.`;
    return `Took ${removed} programs off ${where}: packets of ${devices.join(' and ')} leave as the kernel makes them.`;
  } finally {
    for (const place of places) place.close();
  }
}

function say(line: string): void {
  console.error(`selvage: ${line}`);
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
