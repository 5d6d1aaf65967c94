// Asks the processes that reroute devices of this host.

import { askJson } from '../agent/admin/json-client.ts';
import {
  type RerouteDecision,
  type ReroutePath,
  type RerouteStatus,
  reroutedDevices,
  rerouteSocket,
} from './status.ts';

const PATIENCE_MILLIS = 5000;

/** Throws 'not-running' when nobody reroutes it. */
export async function fetchReroute(runtimeDir: string, dev: string): Promise<RerouteStatus> {
  return (await ask(runtimeDir, dev, '/status')) as RerouteStatus;
}

/** Of all devices that are being rerouted; none where nobody does. */
export function fetchReroutes(runtimeDir: string): Promise<RerouteStatus[]> {
  return ofAll(runtimeDir, async (dev) => [await fetchReroute(runtimeDir, dev)]);
}

/** Throws 'bad-input' when `peer` is not an address. */
export function fetchReroutePaths(runtimeDir: string, peer: string | undefined): Promise<ReroutePath[]> {
  return ofAll(
    runtimeDir,
    async (dev) => (await ask(runtimeDir, dev, withPeer('/paths', peer))) as ReroutePath[],
  );
}

/** Throws 'bad-input' when `peer` is not an address. */
export function fetchDecisions(runtimeDir: string, peer: string | undefined): Promise<RerouteDecision[]> {
  return ofAll(
    runtimeDir,
    async (dev) => (await ask(runtimeDir, dev, withPeer('/why', peer))) as RerouteDecision[],
  );
}

async function ofAll<T extends { readonly dev: string }>(
  runtimeDir: string,
  of: (dev: string) => Promise<T[]>,
): Promise<T[]> {
  const all: T[] = [];
  for (const dev of reroutedDevices(runtimeDir)) {
    const some = await of(dev).catch((error: { code?: string }) => {
      // What a process that was killed left.
      if (error.code === 'not-running') return [];
      throw error;
    });
    // A process of several devices tells of all under the name of the first.
    all.push(...some.filter((each) => each.dev === dev));
  }
  return all;
}

function withPeer(path: string, peer: string | undefined): string {
  return peer === undefined ? path : `${path}?${new URLSearchParams({ to: peer })}`;
}

function ask(runtimeDir: string, dev: string, path: string): Promise<unknown> {
  const asked = {
    socket: rerouteSocket(runtimeDir, dev),
    name: `The process that reroutes ${dev}`,
    absent: `Nothing reroutes ${dev} on this host`,
    hint: `Start it with \`selvage reroute --dev ${dev}\`.`,
  };
  return askJson(asked, { method: 'GET', path, patienceMillis: PATIENCE_MILLIS });
}
