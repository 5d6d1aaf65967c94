// What the agent makes of its switch's reports of connections and paths, for people.

import { SLOT_STATE_NAMES } from '../../paths/slot-health.ts';
import { LEFT_LOSS, LEFT_NEVER, LEFT_PROBE } from '../../paths/slot-history.ts';
import {
  CLOSE_REASON_NAMES,
  CONNECTION_ESTABLISHED,
  CONNECTION_STATE_NAMES,
} from '../../transport/connections.ts';
import { TALLY_NAMES } from '../../transport/tallies.ts';
import { PAIR_DROP_REASONS } from '../../vswitch/pair-drops.ts';
import { formatHostAddress, formatMac } from '../../wire/address.ts';
import { threadOfCid } from '../../wire/bifrost-types.ts';
import type { FlowReport, FlowSlotReport } from './flow-report.ts';
import { formatCid } from './identifiers.ts';
import type { ThreadPathReport } from './path-report.ts';
import type {
  ConnectionStatus,
  FlowSlotStatus,
  FlowStatus,
  LeftReason,
  PathLeft,
  PathStatus,
} from './status.ts';

const SECOND_MICROS = 1_000_000;

/** What `selvage status` says of it. */
export function connectionStatusOf(report: FlowReport): ConnectionStatus {
  const { remoteCid, reason } = report;
  return {
    vni: report.vni,
    localMac: formatMac(report.localMac),
    remoteMac: formatMac(report.remoteMac),
    vtep: formatHostAddress(report.vtep),
    thread: threadOfCid(report.cid),
    remoteThread: remoteCid === 0 ? undefined : threadOfCid(remoteCid),
    state: CONNECTION_STATE_NAMES[report.state]!,
    ...(reason in CLOSE_REASON_NAMES && { because: CLOSE_REASON_NAMES[reason]! }),
    packetsInFlight: (report.txNext - report.una) >>> 0,
  };
}

export function flowStatusOf(report: FlowReport): FlowStatus {
  const { ccType, una, txNext, next, base, end } = report;
  const counts = named(TALLY_NAMES, report.counts);
  const { beyondWindow, noMemory, badFraming, badAck, notEstablished, wrongPeer } = counts;
  return {
    cid: formatCid(report.cid),
    remoteCid: report.state === CONNECTION_ESTABLISHED ? formatCid(report.remoteCid) : undefined,
    vni: report.vni,
    localMac: formatMac(report.localMac),
    remoteMac: formatMac(report.remoteMac),
    vtep: formatHostAddress(report.vtep),
    thread: threadOfCid(report.cid),
    remoteThread: report.state === CONNECTION_ESTABLISHED ? threadOfCid(report.remoteCid) : undefined,
    state: CONNECTION_STATE_NAMES[report.state]!,
    congestion: report.congestion,
    congestionTrouble: report.congestionTrouble === '' ? undefined : report.congestionTrouble,
    ccType,
    heardSecondsAgo: counts.connectionsOpened > 0 ? seconds(report.heardMicrosAgo) : undefined,
    psn: { una, transmit: txNext, next, base, end },
    window: { packets: report.windowPackets, limit: report.windowLimit },
    inFlightBytes: report.inFlightBytes,
    waiting: { frames: report.waitingFrames, bytes: report.waitingBytes },
    sent: { packets: counts.packetsSent, bytes: counts.bytesSent, frames: counts.framesSent },
    received: {
      packets: counts.packetsReceived,
      bytes: counts.bytesReceived,
      frames: counts.framesDelivered,
    },
    lost: { gap: counts.lostByGap, time: counts.lostByTime, timeout: counts.lostByTimeout },
    resent: counts.retransmissions,
    spurious: counts.spurious,
    duplicates: counts.duplicates,
    outOfOrder: { packets: counts.outOfOrder, depth: (end - base) >>> 0, most: report.deepestReorder },
    opened: counts.connectionsOpened,
    resets: counts.connectionsReset,
    fallbacks: counts.fallbacks,
    dropped: named(PAIR_DROP_REASONS, report.dropped),
    rejected: { beyondWindow, noMemory, badFraming, badAck, notEstablished, wrongPeer },
    slots: report.slots.map(flowSlotOf),
  };
}

function named<Name extends string>(names: readonly Name[], values: Float64Array): Record<Name, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]!])) as Record<Name, number>;
}

/** What the agent knows of paths besides. */
export interface PathFacts {
  /** Of the first candidate. */
  readonly sourcePorts: number;
  /** The routers on the way of a peer's source port, by its number. */
  readonly hopsOf: (peer: number, candidate: number) => readonly string[];
}

export function pathStatusOf(report: ThreadPathReport, { sourcePorts, hopsOf }: PathFacts): PathStatus {
  const { peer, slot, candidate, story } = report;
  const { timeouts, probes, answers, suspected, failed, recovered, rebound } = story;
  return {
    vtep: formatHostAddress(report.vtep),
    slot,
    thread: report.thread,
    sourcePort: sourcePorts + candidate,
    route: report.route,
    hops: hopsOf(peer, candidate),
    state: SLOT_STATE_NAMES[report.state]!,
    sprayed: report.sprayed,
    rttMicros: Math.round(report.rttMicros),
    fabricMicros: Math.round(report.fabricMicros),
    endpointMicros: Math.round(report.endpointMicros),
    hopCount: report.hopCount,
    timeoutMicros: Math.round(report.timeoutMicros),
    sinceSecondsAgo: seconds(report.sinceMicrosAgo),
    timeouts,
    probes: { sent: probes, answered: answers },
    changes: { suspected, failed, recovered, rebound },
    lastLeft: leftOf(report),
  };
}

function flowSlotOf(report: FlowSlotReport, slot: number): FlowSlotStatus {
  const { state, cwndBytes, rateBytesPerSecond } = report;
  return {
    slot,
    state: SLOT_STATE_NAMES[state]!,
    sprayed: report.sprayed,
    cwndBytes: cwndBytes === Number.POSITIVE_INFINITY ? undefined : Math.round(cwndBytes),
    rateBytesPerSecond:
      rateBytesPerSecond === Number.POSITIVE_INFINITY ? undefined : Math.round(rateBytesPerSecond),
    decides: report.decides,
    inFlightPackets: report.inFlightPackets,
    inFlightBytes: report.inFlightBytes,
    rttMicros: Math.round(report.rttMicros),
    fabricMicros: Math.round(report.fabricMicros),
    endpointMicros: Math.round(report.endpointMicros),
    pacedMicros: Math.round(report.pacedMicros),
    timeouts: report.timeouts,
  };
}

function leftOf({ leftMicrosAgo, story: { suspectedBy, failedBy } }: ThreadPathReport): PathLeft | undefined {
  if (suspectedBy === LEFT_NEVER) return undefined;
  return {
    secondsAgo: seconds(leftMicrosAgo),
    because: reasonOf(suspectedBy),
    badBecause: failedBy === LEFT_NEVER ? undefined : reasonOf(failedBy),
  };
}

/** Of a LEFT_…. */
export function reasonOf(why: number): LeftReason {
  if (why === LEFT_LOSS) return 'loss';
  return why === LEFT_PROBE ? 'unanswered probe' : 'silence';
}

/** To the millisecond; a time just now may seem to lie ahead. */
function seconds(micros: number): number {
  return Math.max(0, Math.round((micros / SECOND_MICROS) * 1000) / 1000);
}
