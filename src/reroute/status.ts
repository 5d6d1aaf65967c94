// What a process that reroutes says of itself on its Unix socket: text and plain numbers.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerState, PortState, RerouteEventName, RerouteReason } from '../paths/reroute/core.ts';

/** At GET /status. */
export interface RerouteStatus {
  readonly dev: string;
  /** All that are there and share its table. */
  readonly devices: readonly string[];
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  /** The overlay's UDP port, and the address that its packets come from. */
  readonly port: number;
  readonly address: string;
  /** The devices that they leave by. */
  readonly underlays: readonly string[];
  readonly role: string;
  readonly peers: readonly ReroutePeer[];
  readonly alarms: readonly {
    readonly endpoint: string;
    readonly forSeconds: number;
    readonly switches: number;
  }[];
  /** Packets and their fates, by the core and by the kernel's half. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface ReroutePeer {
  readonly address: string;
  /** `plain`: it does not speak the protocol, and is left in peace. */
  readonly state: PeerState;
  readonly role: string;
  readonly scenario: string;
  readonly mode: string;
  /** Source ports that are probed, that can be used, and that carry traffic. */
  readonly ports: number;
  readonly usable: number;
  readonly inUse: number;
  /** Routers between; absent: unknown. */
  readonly hops?: number | undefined;
  /** Ports left since it is known. */
  readonly switches: number;
  readonly usedSecondsAgo: number;
}

/** At GET /paths: a source port to a peer. */
export interface ReroutePath {
  readonly dev: string;
  readonly peer: string;
  readonly sourcePort: number;
  readonly state: PortState;
  readonly inUse: boolean;
  /** 0 before the first answer. */
  readonly rttMicros: number;
  /** Absent: never asked. */
  readonly failureFreeSeconds?: number | undefined;
  readonly probes: { readonly sent: number; readonly lost: number };
  /** MAC of the machine that answers behind it. */
  readonly backend?: string | undefined;
}

/** At GET /why: the oldest first. */
export interface RerouteDecision {
  readonly dev: string;
  readonly peer: string;
  readonly secondsAgo: number;
  readonly event: RerouteEventName;
  readonly because: RerouteReason;
  /** Those it happened to at once; none when it is about the peer. */
  readonly sourcePorts: readonly number[];
}

const PREFIX = 'reroute-';
const SUFFIX = '.sock';

export function rerouteSocket(runtimeDir: string, dev: string): string {
  return join(runtimeDir, `${PREFIX}${dev}${SUFFIX}`);
}

/** Devices that a process answers for, or did. */
export function reroutedDevices(runtimeDir: string): string[] {
  let names: string[];
  try {
    names = readdirSync(runtimeDir);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.startsWith(PREFIX) && name.endsWith(SUFFIX))
    .map((name) => name.slice(PREFIX.length, -SUFFIX.length))
    .sort();
}
