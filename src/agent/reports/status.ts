// What an agent says about itself on its Unix socket: everything as text and plain numbers, so that it is the same in
// JSON. `selvage status`, `flows`, `paths`, `queues` and `engines` print it.
import { join } from 'node:path';
import type { EngineReport } from '../../runtime/engine-report.ts';
import type { UpgradeOutcome } from '../upgrades/replace-engine.ts';

/** At GET /status. */
export interface AgentStatus {
  readonly host: string;
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  /** Data threads. */
  readonly threads: number;
  readonly underlay: UnderlayStatus;
  readonly vnics: readonly VnicStatus[];
  readonly peers: readonly PeerStatus[];
  readonly connections: readonly ConnectionStatus[];
  /** Absent when clients are not served: their thread has failed. */
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
  /** The data thread that it belongs to. */
  readonly thread: number;
  /**
   * Frames that the tenant's kernel dropped in front of the full TAP queue (its tx_dropped) since the agent started;
   * absent: the interface is gone.
   */
  readonly txDropped?: number | undefined;
  /** Of a native endpoint, which is no interface. */
  readonly endpoint?: EndpointStatus | undefined;
}

export interface EndpointStatus {
  /** Absent: nobody owns it, and what is sent to it is dropped (endpointUnowned). */
  readonly owner?: { readonly pid: number; readonly uid: number } | undefined;
  /** Owners it has had, connections that were refused, and owners that were turned out for what they did. */
  readonly opened: number;
  readonly refused: number;
  readonly faults: number;
  /** Data rings in use: of flows that the owner sends, and of those that it receives. */
  readonly sendRings: number;
  readonly receiveRings: number;
  readonly sharedBytes: number;
}

export interface PeerStatus {
  readonly vtep: string;
  /** One for each path slot, in their order; of several data threads, each of which probes, the worst of each. */
  readonly slots: readonly SlotStatus[];
  /** Slots moved for faults lately, where that is too often: look at the host, not at paths. Absent: it is not. */
  readonly alarm?: number | undefined;
}

export interface SlotStatus {
  readonly state: 'healthy' | 'suspect' | 'bad';
  /** Smoothed; 0 before the first sample. */
  readonly rttMicros: number;
  /** Absent while data threads have different ones. */
  readonly sourcePort?: number | undefined;
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
  /** The data threads that it belongs to, here and on the other host; absent: not known yet. */
  readonly thread: number;
  readonly remoteThread?: number | undefined;
  readonly state: 'closed' | 'requested' | 'established' | 'plain' | 'closing';
  /** Why there is no connection, where an end said so. */
  readonly because?: string;
  readonly packetsInFlight: number;
}

/** A connection, at GET /flows: between one vNIC here and one elsewhere, with all that they say to each other. */
export interface FlowStatus {
  /** Our and the peer's name of it, eight hexadecimal digits; absent while there is no connection. */
  readonly cid: string;
  readonly remoteCid?: string | undefined;
  readonly vni: number;
  readonly localMac: string;
  readonly remoteMac: string;
  readonly vtep: string;
  /** The data threads that it belongs to, here and on the other host: the first two digits of the two CIDs. */
  readonly thread: number;
  readonly remoteThread?: number | undefined;
  readonly state: ConnectionStatus['state'];
  /** What decides over the window, as configuration files name it, and its CC Type on the wire. */
  readonly congestion: string;
  /** Why a slot's algorithm of the control plane lost it last; absent: none did. */
  readonly congestionTrouble?: string | undefined;
  readonly ccType: number;
  /** Since the last acknowledgement; absent: nothing was ever heard. */
  readonly heardSecondsAgo?: number | undefined;
  readonly psn: {
    /** Of what is sent: oldest unacknowledged, next to transmit, next to give to a packet. */
    readonly una: number;
    readonly transmit: number;
    readonly next: number;
    /** Of what is received: the first missing, and one above the newest. */
    readonly base: number;
    readonly end: number;
  };
  /** Packets kept, from the oldest unacknowledged frame on, and how many there may be. */
  readonly window: { readonly packets: number; readonly limit: number };
  readonly inFlightBytes: number;
  /** What waits for room in the window, or for the connection. */
  readonly waiting: { readonly frames: number; readonly bytes: number };
  readonly sent: Traffic;
  readonly received: Traffic;
  /** Packets given up, by cause, how many of those were sent again, and how many of these were not needed. */
  readonly lost: {
    /** A later packet of the same slot arrived. */
    readonly gap: number;
    /** A later packet of another slot arrived, and its own slot's round trip was well over. */
    readonly time: number;
    /** Nothing came back: sent again on another slot as a question. */
    readonly timeout: number;
  };
  readonly resent: number;
  readonly spurious: number;
  readonly duplicates: number;
  /** Packets received out of order; packets from the first missing to the newest, now and at most. */
  readonly outOfOrder: { readonly packets: number; readonly depth: number; readonly most: number };
  readonly opened: number;
  readonly resets: number;
  readonly fallbacks: number;
  /** Frames that the switch dropped between the vNIC and the connection, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Packets that arrived for the connection and were not taken, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Empty at rest: windows go back to a pool after a second or two. */
  readonly slots: readonly FlowSlotStatus[];
}

/** What waits in the switches of this host, at GET /queues. */
export interface QueuesStatus {
  /** Which decides whose turn it is. */
  readonly scheduler: string;
  /** Flows that have a queue, for connections and for vNICs. */
  readonly flows: { readonly out: number; readonly in: number };
  /** Rings of 64 frames that make up the queues. */
  readonly rings: { readonly used: number; readonly limit: number };
  /** Frames whose flow had to share a queue, since all rings were in use. */
  readonly sharedFrames: number;
  /** Frames that found no room, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Pauses asked for and obeyed, and what became of them; empty where there are none. */
  readonly pauses: Readonly<Record<string, number>>;
  readonly queues: readonly QueueStatus[];
}

/** What became of POST /scheduler. */
export interface ScheduleOutcome {
  readonly scheduler: string;
}

/** A flow's queue. */
export interface QueueStatus {
  /** For its connection, or for its vNIC. */
  readonly direction: 'out' | 'in';
  readonly vni: number;
  readonly localMac: string;
  /** Of the other end; absent: not known. */
  readonly remoteMac: string | undefined;
  /** Absent: the other end is on this host, or not known. */
  readonly vtep: string | undefined;
  readonly thread: number;
  /** Absent: several flows share the queue. */
  readonly flow: string | undefined;
  readonly frames: number;
  readonly bytes: number;
  readonly priority: number;
  readonly weight: number;
  /** What its receiver asked for: the rest of the pause, and the rate from then on; absent: none. */
  readonly pausedMicros: number;
  readonly rateBytesPerSecond: number | undefined;
  /** What its owner takes, as far as that is known. */
  readonly takenBytesPerSecond: number | undefined;
  /** Its sender was asked to pause, or is held. */
  readonly asked: boolean;
}

export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
  readonly frames: number;
}

/** A connection's part of a slot to its peer. */
export interface FlowSlotStatus {
  readonly slot: number;
  readonly state: SlotStatus['state'];
  /** Whether new packets are sprayed over it. */
  readonly sprayed: boolean;
  /** Absent: bounded by the connection's window only. */
  readonly cwndBytes?: number | undefined;
  /** Absent: unpaced. */
  readonly rateBytesPerSecond?: number | undefined;
  /** Of an algorithm of the control plane: whether it decides, or its datapath's fallback. Absent: native, or unused. */
  readonly decides?: 'algorithm' | 'fallback' | undefined;
  readonly inFlightPackets: number;
  readonly inFlightBytes: number;
  readonly rttMicros: number;
  readonly fabricMicros: number;
  readonly endpointMicros: number;
  /** It takes no frame for so long: the last one was larger than its congestion window. */
  readonly pacedMicros: number;
  /** Of this connection, in a row. */
  readonly timeouts: number;
}

/** A slot to a peer, at GET /paths: once for each data thread, since each probes and uses it for itself. */
export interface PathStatus extends SlotStatus {
  readonly vtep: string;
  readonly slot: number;
  readonly thread: number;
  readonly sourcePort: number;
  /** Whether packets are sprayed over it, as it was chosen last. */
  readonly sprayed: boolean;
  /** Smoothed parts of round trips; 0 when unknown. The hosts' part has the wait for an acknowledgement in it. */
  readonly fabricMicros: number;
  readonly endpointMicros: number;
  /** Routers that packets from the peer came by; 0 when unknown. */
  readonly hopCount: number;
  /** How long an answer may take before the slot is left. */
  readonly timeoutMicros: number;
  /** In its state. */
  readonly sinceSecondsAgo: number;
  readonly timeouts: number;
  readonly probes: { readonly sent: number; readonly answered: number };
  /** Times it became suspect, bad, healthy again, and got another source port. */
  readonly changes: {
    readonly suspected: number;
    readonly failed: number;
    readonly recovered: number;
    readonly rebound: number;
  };
  /** Absent: never left. */
  readonly lastLeft?: PathLeft | undefined;
}

export interface PathLeft {
  readonly secondsAgo: number;
  /** Packets of a connection were not acknowledged in time, or a probe was not answered. */
  readonly because: LeftReason;
  /** Why it was then taken for bad; absent: it answered. */
  readonly badBecause?: LeftReason | undefined;
}

export type LeftReason = 'silence' | 'unanswered probe' | 'loss';

/** An engine of the agent, at GET /engines: `selvage engines` prints it. */
export type EngineStatus = EngineReport;

/** What became of an upgrade, at POST /upgrade: an outcome for each executor that has the engine. */
export type Upgraded = readonly UpgradeOutcome[];

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

/** Names the agent that a command asks, where it is not told. */
export const RUNTIME_DIR_VARIABLE = 'SELVAGE_RUNTIME_DIR';

export function socketPath(runtimeDir: string): string {
  return join(runtimeDir, 'agent.sock');
}
