// `selvage reroute`: the process that keeps a kernel's VXLAN device off paths that fail.

import type { ReroutingCore } from '../paths/reroute/core.ts';
import type { Role } from '../paths/reroute/roles.ts';
import { holdPlace, serveReroute } from './answers.ts';
import type { Tools } from './find-device.ts';
import { unload } from './kernel-half.ts';
import { News } from './news.ts';
import { Overlay } from './overlay.ts';
import { StateFile } from './state-file.ts';
import { lookAround, watchSurroundings } from './surroundings.ts';

export interface RunOptions {
  /** The device by name; undefined: the only one. */
  readonly dev: string | undefined;
  readonly role: Role;
  /** The first of the source ports. */
  readonly basePort: number;
  readonly runtimeDir: string;
  /** Waits for a device that is not there yet; it needs a name. */
  readonly wait: boolean;
}

export interface RunSurroundings {
  readonly tools: Tools;
  readonly version: string;
}

/** Until SIGTERM or SIGINT. Throws SelvageError when it cannot start, or cannot go on. */
export async function runReroute(options: RunOptions, { tools, version }: RunSurroundings): Promise<void> {
  const { role, basePort, runtimeDir, dev, wait } = options;
  // From the start: whoever is ended while it begins leaves nothing, too.
  const stopped = stopSignal();
  const name = wait && dev !== undefined ? dev : (await lookAround(tools, dev)).device.name;
  const news = new News(name, say);
  const onLook = (core: ReroutingCore, now: number) => news.tell(core, now);
  const state = new StateFile(runtimeDir, name);
  const overlay = new Overlay(name, { role, basePort, tools, state, onLook, say });
  const server = await serveReroute(overlay, { role, version, runtimeDir });
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
    server.closeAllConnections();
    server.close();
  }
}

/** Takes off what a process that was killed left on the devices, and says what that was. Throws while one runs. */
export async function unloadReroute(
  tools: Tools,
  dev: string | undefined,
  runtimeDir: string,
): Promise<string> {
  const { device, underlays } = await lookAround(tools, dev);
  const place = await holdPlace(runtimeDir, device.name);
  try {
    const removed = unload(underlays, device.port);
    const where = underlays.map(({ name }) => name).join(', ');
    if (removed === 0) return `There was nothing of ours on ${where}.`;
    return `Took ${removed} programs off ${where}: packets of ${device.name} leave as the kernel makes them.`;
  } finally {
    place.close();
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
