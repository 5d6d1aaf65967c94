// What the parts of the transport share: its surroundings, its configuration and its counters.

import type { Rng } from '../base/rng.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { CongestionAlgorithm } from '../congestion/controller.ts';
import type { Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import type { Candidates } from '../paths/candidates.ts';
import type { PathTable } from '../paths/path-table.ts';
import type { Mac } from '../wire/address.ts';
import type { VersionRange } from '../wire/bifrost-types.ts';
import type { PauseView } from '../wire/overlay-pause.ts';
import type { ConnectionTable } from './connections.ts';

/** A PSN so far behind is nonsense, not old: near 2^31 serial numbers stop being comparable. */
export const MAX_AGE_PACKETS = 2 ** 30;

export interface TransportOptions {
  /** Largest payload of one packet: the underlay's MTU less IP, UDP, VXLAN and data header. */
  readonly payloadBytes: number;
  /** Packets between the oldest unacknowledged and the newest, 64 to 4096. */
  readonly windowPackets: number;
  /** Number of this data thread: the top byte of its CIDs (BIFROST §5.2). */
  readonly threadId: number;
  /** Packets of a flow that go down one path before the next is taken; Infinity: all of them (BIFROST §4.1). */
  readonly sprayPackets: number;
  /** Absent: those that this code speaks. */
  readonly versions?: VersionRange;
}

/** The vNIC pairs of this host, as the switch knows them. A pair is a small number, one connection each. */
export interface PairDirectory {
  peerOf(pair: number): number;
  vniOf(pair: number): number;
  /** Whether its frames are put in order before they are passed on (BIFROST §7.3). */
  reordersOf(pair: number): boolean;
  /** FEATURE_…: what is taken from the pair's other end. */
  featuresOf(pair: number): number;
  /** What governs the pair's connection. */
  congestionOf(pair: number): CongestionAlgorithm;
  localMac(pair: number): Mac;
  remoteMac(pair: number): Mac;
  /** The pair that a request from `peer` names, or -1 when its vNICs are not known to be here and there. */
  find(peer: number, vni: number, localMac: Mac, remoteMac: Mac): number;
}

/** Is told of a pause frame that came for a pair's connection; the view is aimed at it during the call. */
export type OnPause = (now: number, pair: number, frame: PauseView) => void;

export interface TransportSurroundings {
  readonly region: Region;
  readonly rng: Rng;
  readonly paths: PathTable;
  /** Absent: slots keep their source ports. */
  readonly candidates?: Candidates | undefined;
  readonly pairs: PairDirectory;
  /** Absent: pauses are counted, and nobody's. */
  readonly onPause?: OnPause | undefined;
  readonly nowMicros: number;
}

export interface TransportCounters {
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  bytesReceived: number;
  acksSent: number;
  acksReceived: number;
  framesSent: number;
  framesDelivered: number;
  /** Retransmissions by cause: a gap on the slot, overtaken by another path, unanswered. */
  lostByGap: number;
  lostByTime: number;
  lostByTimeout: number;
  retransmissions: number;
  /** Duplicates the peer counted: retransmissions that were not needed. */
  spurious: number;
  duplicates: number;
  outOfOrder: number;
  /** Packets that a rate limit here dropped or marked, and those of ours that a peer says it did (Num_ECE). */
  packetsMarked: number;
  marksReceived: number;
  probesSent: number;
  /** Overlay pause frames (Backdraft §4.3). */
  pausesSent: number;
  pausesReceived: number;
  connectionsOpened: number;
  connectionsReset: number;
  /** Closed by us and by the peer, for a reason; given up because nothing answered any more; requests refused. */
  connectionsClosed: number;
  connectionsVanished: number;
  requestsRefused: number;
  fallbacks: number;
  // Rejects: what arrived and was not taken, by reason.
  malformed: number;
  otherVersion: number;
  unknownCid: number;
  unknownPair: number;
  wrongPeer: number;
  beyondWindow: number;
  noMemory: number;
  badFraming: number;
  badAck: number;
  notEstablished: number;
}

export function newCounters(): TransportCounters {
  return {
    packetsSent: 0,
    packetsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    acksSent: 0,
    acksReceived: 0,
    framesSent: 0,
    framesDelivered: 0,
    lostByGap: 0,
    lostByTime: 0,
    lostByTimeout: 0,
    retransmissions: 0,
    spurious: 0,
    duplicates: 0,
    outOfOrder: 0,
    packetsMarked: 0,
    marksReceived: 0,
    probesSent: 0,
    pausesSent: 0,
    pausesReceived: 0,
    connectionsOpened: 0,
    connectionsReset: 0,
    connectionsClosed: 0,
    connectionsVanished: 0,
    requestsRefused: 0,
    fallbacks: 0,
    malformed: 0,
    otherVersion: 0,
    unknownCid: 0,
    unknownPair: 0,
    wrongPeer: 0,
    beyondWindow: 0,
    noMemory: 0,
    badFraming: 0,
    badAck: 0,
    notEstablished: 0,
  };
}

/** Everything a part of the transport works on. */
export interface TransportContext {
  readonly options: TransportOptions;
  readonly region: Region;
  /** Takes small packets that must be held, so that they do not pin the chunk they came in. */
  readonly hold: ChunkWriter;
  readonly rng: Rng;
  readonly paths: PathTable;
  readonly candidates: Candidates | undefined;
  readonly pairs: PairDirectory;
  readonly connections: ConnectionTable;
  readonly timers: TimerWheel;
  readonly counters: TransportCounters;
}
