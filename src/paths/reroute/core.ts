// What the core of rerouting is to those who drive it: the process behind `selvage reroute`, the simulator, tests. It does
// no I/O and reads no clock. The order of calls of a turn:
//
//   receive(…) for everything that arrived, used(…) for what the packet path saw, onCpu(…) once a second;
//   advance(now): timers, only when everything that arrived was taken in, or a host that slept takes sleep for loss;
//   transmit(now, send); fast.drain(holder); sleep until nextTimeout().

import type { Bytes } from '../../base/bytes.ts';
import type { HostAddress, Ipv6Address, Mac } from '../../wire/address.ts';
import type { FastTable } from './fast-table.ts';
import type { Role, Scenario } from './roles.ts';
import type { SavedRerouting } from './saved.ts';

export interface ReroutingOptions {
  /** Our VTEP's address. */
  readonly address: HostAddress;
  readonly role: Role;
  /** Our MAC, which tells us from others behind one address (ZooRoute §6); 0 when nobody else is. */
  readonly backend: Mac;
  /** Four unpredictable words: responses must carry what only we can compute. */
  readonly secret: readonly [number, number, number, number];
  /** Tells this process from the one before and after it on this host. */
  readonly processId: number;
  /** Port 0 of every table; 10000 unless something else has it. */
  readonly basePort?: number;
  /** Room of the packet path's states array, in elements of 8 bytes. */
  readonly maxElements?: number;
  /** Peers without traffic for so long are no longer probed. */
  readonly idleMicros?: number;
  /** A longer round trip is a failure. */
  readonly rttLimitMicros?: number;
}

/** What came in: a UDP payload with the magic number, and its outer header's. */
export interface ArrivedPacket {
  readonly source: HostAddress;
  readonly sourcePort: number;
  /** TTL or hop limit as it arrived. */
  readonly hopLimit: number;
  readonly bytes: Bytes;
  readonly at: number;
  readonly length: number;
  /** When the kernel had it, on the clock of `now`. */
  readonly receivedMicros: number;
}

/** What is to go out, to the VXLAN device's own port; valid during the call that hands it over. */
export interface LeavingPacket {
  destination: HostAddress;
  sourcePort: number;
  readonly bytes: Bytes;
  length: number;
}

export interface ReroutingCore {
  readonly fast: FastTable;
  readonly counters: Readonly<Record<RerouteCounter, number>>;
  /** Tenants' packets left for `destination` by `sourcePort`, which the packet path chose; 0: they may soon. */
  used(now: number, destination: HostAddress, sourcePort: number): void;
  receive(now: number, packet: ArrivedPacket): void;
  advance(now: number): void;
  /** Hands over what is due; `send` says whether it took the packet: if not, the rest waits. */
  transmit(now: number, send: (packet: LeavingPacket) => boolean): void;
  /** Utilisation of the processor, 0 to 1, once a second. */
  onCpu(now: number, utilisation: number): void;
  /** Never later than something is to be done. */
  nextTimeout(): number;
  /** From now on peers are told that we stop. */
  finish(): void;
  /** Plain values, from which another process can go on (`readSaved`). */
  save(): SavedRerouting;
  /** What people ask. */
  peers(now: number): PeerFacts[];
  ports(now: number, destination: HostAddress): PortFacts[];
  /** The newest last; of one peer, or of all. */
  events(destination?: HostAddress): RerouteEvent[];
  alarms(): AlarmFacts[];
}

export type RerouteCounter =
  | 'probesSent'
  | 'probesAnswered'
  | 'probesLost'
  | 'answersLost'
  | 'requestsAnswered'
  | 'requestsLimited'
  | 'negotiationsSent'
  | 'malformed'
  | 'unasked'
  | 'forged'
  | 'otherProcess'
  | 'wrongSource'
  | 'tableFull';

export const PEER_STATES = ['asking', 'speaks', 'plain'] as const;
export type PeerState = (typeof PEER_STATES)[number];

export interface PeerFacts {
  readonly address: Ipv6Address;
  readonly role: Role;
  readonly scenario: Scenario;
  /** `plain`: it does not speak this, and is left in peace. */
  readonly state: PeerState;
  readonly mode: 'full' | 'partial' | 'learns';
  /** Ports probed: N_p, or twice that when more than half were bad. */
  readonly ports: number;
  readonly usable: number;
  readonly inUse: number;
  /** Routers between us, from the TTL of its answer; -1 unknown. */
  readonly hops: number;
  /** W of algorithm 1. */
  readonly window: number;
  readonly lastUsedMicros: number;
  /** Ports left since we know it. */
  readonly switches: number;
}

export const PORT_STATES = ['unknown', 'healthy', 'suspect', 'bad', 'resting'] as const;
/** `resting`: it answers again, but nothing moves back to it before the rankings are reset. */
export type PortState = (typeof PORT_STATES)[number];

export interface PortFacts {
  readonly port: number;
  readonly state: PortState;
  readonly inUse: boolean;
  /** Smoothed; 0 before the first answer. */
  readonly rttMicros: number;
  /** Since when it has not failed; -1 when it was never asked. */
  readonly failureFreeSinceMicros: number;
  readonly probes: number;
  readonly lost: number;
  /** Who answers behind it; 0 where it does not say. */
  readonly backend: Mac;
}

export const REROUTE_REASONS = [
  'probe-lost',
  'no-more-losses',
  'two-in-a-row',
  'three-of-five',
  'with-others',
  'too-slow',
  'slower-for-long',
  'answered-again',
  'rankings-reset',
  'too-few-ports',
  'peer-silent',
  'peer-answers',
  'no-answer',
  'negotiated',
  'peer-reset',
  'peer-finished',
  'idle',
  'table-full',
  'switching-excessively',
] as const;
export type RerouteReason = (typeof REROUTE_REASONS)[number];

export const REROUTE_EVENTS = [
  'port-left',
  'port-back',
  'port-recovered',
  'ports-added',
  'mode-full',
  'mode-partial',
  'peer-speaks',
  'peer-plain',
  'peer-silent',
  'peer-released',
  'alarm',
] as const;
export type RerouteEventName = (typeof REROUTE_EVENTS)[number];

export interface RerouteEvent {
  readonly atMicros: number;
  readonly peer: Ipv6Address;
  readonly event: RerouteEventName;
  readonly reason: RerouteReason;
  /** 0 when it is about the peer. */
  readonly port: number;
}

export interface AlarmFacts {
  readonly sinceMicros: number;
  /** The endpoint that paths were left towards too often; our own address when that is so of most peers. */
  readonly endpoint: Ipv6Address;
  readonly switches: number;
}
