// What the agent decided about paths and flows, and what it knows of source ports, at GET /why: text and plain numbers.

import {
  type DecisionName,
  MOVED_BLINDLY,
  MOVED_BY_ROUTES,
  MOVED_FOR_SLOWNESS,
  STAYS_FOR_WAY_BACK,
} from '../../paths/decisions.ts';
import {
  PORT_STATES,
  type PortState,
  REROUTE_REASONS,
  type RerouteReason,
} from '../../paths/reroute/core.ts';
import { PORT_BAD } from '../../paths/reroute/slow-table.ts';
import { formatHostAddress } from '../../wire/address.ts';
import { formatFlow } from '../../wire/flow-text.ts';
import type {
  Account,
  CandidateReport,
  CandidatesReport,
  DecisionReport,
  PauseReport,
} from './decision-report.ts';
import { reasonOf } from './flow-status.ts';
import type { LeftReason } from './status.ts';

export interface WhyStatus {
  /** The oldest first. */
  readonly decisions: readonly PathDecision[];
  /** Once for each data thread that knows more of it than its slots. */
  readonly peers: readonly PeerCandidates[];
  /** Flows that were held back because their receivers are slow, in the same order. */
  readonly pauses: readonly PauseDecision[];
}

export interface PauseDecision {
  /** Of the other end; absent: both ends are on this host. */
  readonly vtep?: string;
  readonly thread: number;
  /** When it began. */
  readonly secondsAgo: number;
  /** `flow-paused`: its receiver's host asked for it; `flow-pause-asked`: this host did; `flow-held`: both ends are here. */
  readonly event: 'flow-paused' | 'flow-pause-asked' | 'flow-held';
  readonly flow: string;
  /** Absent: it is held still. */
  readonly forSeconds?: number;
  /** Pause frames it took, and what the last one said. */
  readonly frames: number;
  readonly pauseMicros: number;
  /** Absent: no rate. */
  readonly rateBytesPerSecond?: number;
}

export interface PathDecision {
  readonly vtep: string;
  readonly thread: number;
  readonly secondsAgo: number;
  readonly event: DecisionName;
  /** Absent: it is about a source port, or the peer. */
  readonly slot?: number;
  readonly sourcePort?: number;
  /** The source port that a slot moved to. */
  readonly nextPort?: number;
  /** Why a slot was left, moved, or stays though it is slow, or a source port left. */
  readonly because?: LeftReason | MoveReason | StayReason | RerouteReason;
}

export type MoveReason = 'fault' | 'routes' | 'nothing works' | 'slowness';
export type StayReason = 'way back' | 'none faster';

export interface PeerCandidates {
  readonly vtep: string;
  readonly thread: number;
  /** All source ports are probed, or only those of slots. */
  readonly mode: 'full' | 'partial';
  /** Slots that were moved for a fault lately. */
  readonly switches: number;
  /** For how long that is too often; absent: it is not. */
  readonly alarmSeconds?: number;
  readonly candidates: readonly CandidateStatus[];
}

export interface CandidateStatus {
  readonly sourcePort: number;
  /**
   * `resting`: it works again, and is taken last until rankings start afresh. `slow`: it works, but its route was slow in the
   * last half hour.
   */
  readonly state: PortState | 'slow';
  /** Absent: no slot uses it. */
  readonly slot?: number;
  /** 0: unknown. */
  readonly route: number;
  readonly rttMicros: number;
  /** Absent: never asked. */
  readonly failureFreeSeconds?: number;
  readonly probes: { readonly sent: number; readonly lost: number };
}

/** Of all data threads, by their numbers; `to` leaves out what is not about that peer. */
export function whyStatusOf(accounts: readonly Account[], sourcePorts: number, to?: string): WhyStatus {
  const isAsked = (vtep: string | undefined) => to === undefined || vtep === to;
  const decisions = accounts.flatMap((account, thread) =>
    account.decisions.map((report) => decisionOf(report, thread, sourcePorts)),
  );
  const peers = accounts.flatMap((account, thread) =>
    account.peers.map((report) => candidatesOf(report, thread, sourcePorts)),
  );
  const pauses = accounts.flatMap((account, thread) => account.pauses.map((each) => pauseOf(each, thread)));
  return {
    decisions: decisions.filter(({ vtep }) => isAsked(vtep)).sort((a, b) => b.secondsAgo - a.secondsAgo),
    peers: peers.filter(({ vtep }) => isAsked(vtep)),
    pauses: pauses.filter(({ vtep }) => isAsked(vtep)).sort((a, b) => b.secondsAgo - a.secondsAgo),
  };
}

const PAUSE_EVENTS = { obeys: 'flow-paused', asks: 'flow-pause-asked', local: 'flow-held' } as const;

function pauseOf(report: PauseReport, thread: number): PauseDecision {
  const { vtep, role, key, microsAgo, heldMicros, frames, pauseMicros, rateBytesPerSecond } = report;
  return {
    ...(vtep !== undefined && { vtep: formatHostAddress(vtep) }),
    thread,
    secondsAgo: seconds(microsAgo),
    event: PAUSE_EVENTS[role],
    flow: formatFlow(key),
    ...(heldMicros !== undefined && { forSeconds: seconds(heldMicros) }),
    frames,
    pauseMicros,
    ...(rateBytesPerSecond !== Number.POSITIVE_INFINITY && {
      rateBytesPerSecond: Math.round(rateBytesPerSecond),
    }),
  };
}

function decisionOf(report: DecisionReport, thread: number, sourcePorts: number): PathDecision {
  const { name, slot, candidate, next, why } = report;
  const common = {
    vtep: formatHostAddress(report.vtep),
    thread,
    secondsAgo: seconds(report.microsAgo),
    event: name,
  };
  const sourcePort = sourcePorts + candidate;
  switch (name) {
    case 'slot-left':
      return { ...common, slot, sourcePort, because: reasonOf(why) };
    case 'slot-moved':
      return { ...common, slot, sourcePort, nextPort: sourcePorts + next, because: movedBecause(why) };
    case 'slot-back':
    case 'way-back':
    case 'none-works':
    case 'slot-slow':
      return { ...common, slot, sourcePort };
    case 'slow-stays': {
      const because = why === STAYS_FOR_WAY_BACK ? 'way back' : 'none faster';
      return { ...common, slot, sourcePort, because };
    }
    case 'candidate-left':
      return { ...common, sourcePort, because: REROUTE_REASONS[why]! };
    case 'candidate-back':
      return { ...common, sourcePort };
    default:
      return common;
  }
}

function movedBecause(why: number): MoveReason {
  if (why === MOVED_BLINDLY) return 'nothing works';
  if (why === MOVED_FOR_SLOWNESS) return 'slowness';
  return why === MOVED_BY_ROUTES ? 'routes' : 'fault';
}

function candidatesOf(report: CandidatesReport, thread: number, sourcePorts: number): PeerCandidates {
  const { vtep, isFull, switches, alarmMicros, candidates } = report;
  return {
    vtep: formatHostAddress(vtep),
    thread,
    mode: isFull ? 'full' : 'partial',
    switches,
    ...(alarmMicros !== undefined && { alarmSeconds: seconds(alarmMicros) }),
    candidates: candidates.map((candidate) => candidateOf(candidate, sourcePorts)),
  };
}

function candidateOf(report: CandidateReport, sourcePorts: number): CandidateStatus {
  const { candidate, state, isSlow, slot, route, rttMicros, failureFreeMicros, probes, lost } = report;
  return {
    sourcePort: sourcePorts + candidate,
    state: isSlow && state !== PORT_BAD ? 'slow' : PORT_STATES[state]!,
    ...(slot >= 0 && { slot }),
    route,
    rttMicros: Math.round(rttMicros),
    ...(probes > 0 && { failureFreeSeconds: seconds(failureFreeMicros) }),
    probes: { sent: probes, lost },
  };
}

function seconds(micros: number): number {
  return Math.round(micros / 1000) / 1000;
}
