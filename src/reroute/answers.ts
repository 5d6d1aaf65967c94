// What the process answers on its Unix socket: GET /ready, /status, /paths and /why. The socket is also the lock that keeps
// two processes off one device: there is one for each.

import type { Server } from 'node:http';
import { type JsonService, serveJson } from '../agent/admin/json-server.ts';
import { SelvageError } from '../base/errors.ts';
import { ROLE_NAMES, type Role } from '../paths/reroute/roles.ts';
import { formatHostAddress, type HostAddress } from '../wire/address.ts';
import { alarmsOf, decisionsOf, pathsOf, peersOf } from './facts.ts';
import type { Overlay } from './overlay.ts';
import { parseHost } from './overlay-device.ts';
import { monotonicMicros } from './rerouting.ts';
import { type RerouteStatus, rerouteSocket } from './status.ts';

export interface Identity {
  readonly role: Role;
  readonly version: string;
  readonly runtimeDir: string;
}

type Service = Omit<JsonService, 'alreadyRunning'>;

/** Throws 'already-running' when another process has one of the devices. */
export function serveReroute(overlay: Overlay, identity: Identity): Promise<Server[]> {
  const startedAt = performance.now();
  const { name, names } = overlay;
  return serveAll(identity.runtimeDir, names, {
    isReady: () => overlay.rerouting !== undefined,
    thereAre: 'there are GET /ready, /status, /paths and /why',
    starting: `${names.join(' or ')} is not there, or the way out of it`,
    answers: {
      'GET /status': async () => statusOf(overlay, identity, (performance.now() - startedAt) / 1000),
      'GET /paths': async (_, query) =>
        pathsOf(overlay.rerouting!.core, name, monotonicMicros(), peerIn(query)),
      'GET /why': async (_, query) => {
        const events = overlay.rerouting!.core.events(peerIn(query));
        return decisionsOf(events, name, monotonicMicros());
      },
    },
  });
}

/** Holds the places of processes, as long as the servers are open; throws 'already-running' when one is there. */
export function holdPlaces(runtimeDir: string, names: readonly string[]): Promise<Server[]> {
  return serveAll(runtimeDir, names, {
    isReady: () => false,
    answers: {},
    thereAre: 'there is nothing',
    starting: 'nothing runs',
  });
}

/** At each device's socket, or at none. */
async function serveAll(runtimeDir: string, names: readonly string[], service: Service): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    for (const name of names) {
      const socket = rerouteSocket(runtimeDir, name);
      const server = await serveJson(socket, {
        ...service,
        alreadyRunning: () => alreadyRunning(name, socket),
      });
      servers.push(server);
    }
    return servers;
  } catch (thrown) {
    for (const server of servers) server.close();
    throw thrown;
  }
}

function statusOf({ name, rerouting, around }: Overlay, { role, version }: Identity, uptimeSeconds: number) {
  const now = monotonicMicros();
  const { core, kernel, refused } = rerouting!;
  const { devices, port, local, underlays } = around!;
  const status: RerouteStatus = {
    dev: name,
    devices,
    version,
    pid: process.pid,
    uptimeSeconds,
    port,
    address: formatHostAddress(local),
    underlays: underlays.map((each) => each.name),
    role: ROLE_NAMES[role],
    peers: peersOf(core, now),
    alarms: alarmsOf(core, now),
    counters: { ...core.counters, ...kernel.settings.counts, notSent: refused },
  };
  return status;
}

function alreadyRunning(name: string, socket: string): SelvageError {
  return new SelvageError(
    'already-running',
    `${name} is being rerouted already: a process answers at ${socket}.`,
    {
      hint: 'End that one first (SIGTERM; it takes its programs along). `selvage reroute --status` asks it.',
    },
  );
}

/** Undefined: all. */
function peerIn(query: URLSearchParams): HostAddress | undefined {
  const text = query.get('to');
  if (text === null) return undefined;
  const peer = parseHost(text);
  if (peer !== undefined) return peer;
  throw new SelvageError('bad-input', `“${text}” is not an address.`, {
    hint: 'Give the underlay address of the other host.',
  });
}
