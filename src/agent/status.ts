// What an agent says about itself at GET /status on its Unix socket: everything as text and plain numbers, so that it
// is the same in JSON. `selvage status` prints it.
import { join } from 'node:path';
import type { EngineReport } from '../runtime/engine-report.ts';
import type { UpgradeOutcome } from './replace-engine.ts';

export interface AgentStatus {
  readonly host: string;
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly underlay: UnderlayStatus;
  readonly vnics: readonly VnicStatus[];
  readonly peers: readonly PeerStatus[];
  readonly connections: readonly ConnectionStatus[];
  /** Absent when the clients' thread has failed. */
  readonly clients?: ClientsStatus | undefined;
  /** What the transport and the switch count, by name. */
  readonly counters: Readonly<Record<string, number>>;
  /** Frames and packets dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface UnderlayStatus {
  readonly address: string;
  readonly port: number;
  /** The first of the consecutive source ports that slots may use. */
  readonly sourcePorts: number;
  readonly mtu: number;
}

export interface VnicStatus {
  readonly vni: number;
  readonly reliable: boolean;
  readonly name: string;
  /** Absolute path; absent: the agent's own namespace. */
  readonly netns?: string | undefined;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  /**
   * Frames that the tenant's kernel dropped in front of the full TAP queue (its tx_dropped) since the agent started;
   * absent: the interface is gone.
   */
  readonly txDropped?: number | undefined;
}

export interface PeerStatus {
  readonly vtep: string;
  /** One for each path slot, in their order. */
  readonly slots: readonly SlotStatus[];
}

export interface SlotStatus {
  readonly state: 'healthy' | 'suspect' | 'bad';
  /** Smoothed; 0 before the first sample. */
  readonly rttMicros: number;
  readonly sourcePort: number;
  /** A number for the route through the fabric, the same for slots that share it; 0: unknown. */
  readonly route: number;
  /** Addresses of the routers on it, the nearest first, as far as they tell routes apart; '' for one that is silent. */
  readonly hops: readonly string[];
}

export interface ConnectionStatus {
  readonly vni: number;
  readonly localMac: string;
  readonly remoteMac: string;
  readonly vtep: string;
  readonly state: 'closed' | 'requested' | 'established' | 'plain';
  readonly packetsInFlight: number;
}

/** An engine of the agent, at GET /engines: `selvage engines` prints it. */
export type EngineStatus = EngineReport;

/** What became of an upgrade, at POST /upgrade. */
export type Upgraded = UpgradeOutcome;

export interface ClientsStatus {
  readonly sessions: readonly SessionStatus[];
  /** Bytes of memory that sessions share with the agent. */
  readonly sharedBytes: number;
  /** Sessions and records so far, and wake-ups of clients that slept. */
  readonly counters: Readonly<Record<string, number>>;
  /** Sessions ended for what their client did, by its fault. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface SessionStatus {
  readonly pid: number;
  readonly uid: number;
  readonly service: string;
  readonly records: number;
  readonly sharedBytes: number;
}

export function socketPath(runtimeDir: string): string {
  return join(runtimeDir, 'agent.sock');
}
