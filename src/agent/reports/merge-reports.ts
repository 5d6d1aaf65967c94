// The reports of a host's data threads as one: counters are summed. Each thread probes the paths of its own connections
// and binds slots when it can, so they may differ about a slot.

import type { ReroutingReport, SlotReport } from '../../paths/routes.ts';
import type { PeerReport, SwitchReport } from './switch-report.ts';

/** The source port of a slot while threads have different ones. */
export const UNSETTLED = -1;

export function mergeReports(reports: readonly SwitchReport[]): SwitchReport {
  const endpoints = reports.flatMap(({ endpoints = [] }) => endpoints);
  return {
    counters: sum(reports.map(({ counters }) => counters)),
    dropped: sum(reports.map(({ dropped }) => dropped)),
    peers: mergePeers(reports.map(({ peers }) => peers)),
    ...(endpoints.length > 0 && { endpoints }),
  };
}

/** Of each thread, what it knows of the peers. */
export function mergePeers(threads: readonly (readonly PeerReport[])[]): readonly PeerReport[] {
  const [first, ...others] = threads;
  if (first === undefined || others.length === 0) return first ?? [];
  return first.map(({ vtep, slots }, peer) => ({
    vtep,
    ...mergeAlarms(threads.flatMap((peers) => peers[peer]!.alarm ?? [])),
    rerouting: mergeRerouting(threads.map((peers) => peers[peer]!.rerouting)),
    slots: slots.map((_, slot) => mergeSlots(threads.map((peers) => peers[peer]!.slots[slot]!))),
  }));
}

/** What one thread knows to fail, none should use. */
function mergeRerouting(reports: readonly ReroutingReport[]): ReroutingReport {
  return {
    moves: reports.reduce((sum, { moves }) => sum + moves, 0),
    badCandidates: reports.reduce((bits, { badCandidates }) => bits | badCandidates, 0),
  };
}

function mergeAlarms(alarms: readonly number[]): Pick<PeerReport, 'alarm'> {
  return alarms.length === 0 ? {} : { alarm: alarms.reduce((sum, switches) => sum + switches, 0) };
}

/** The worst state: a thread without a connection to the peer knows nothing against the slot. */
function mergeSlots(slots: readonly SlotReport[]): SlotReport {
  const [{ candidate, route }] = slots as readonly [SlotReport];
  const settled = slots.every((slot) => slot.candidate === candidate);
  const rtts = slots.map(({ rttMicros }) => rttMicros).filter((rtt) => rtt > 0);
  return {
    state: Math.max(...slots.map(({ state }) => state)),
    rttMicros: rtts.length === 0 ? 0 : Math.min(...rtts),
    candidate: settled ? candidate : UNSETTLED,
    route: settled ? route : 0,
  };
}

function sum(counts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const each of counts) {
    for (const [name, count] of Object.entries(each)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}
