// What a switch says about itself: plain numbers, since they travel between threads. Its connections it tells of in
// pages (flow-report.ts).

import { SLOTS } from '../../paths/path-table.ts';
import type { ReroutingReport, SlotReport } from '../../paths/routes.ts';
import type { Switch } from '../../vswitch/switch.ts';
import type { HostAddress } from '../../wire/address.ts';
import type { EndpointReport } from '../endpoints/attendant.ts';

/** Of the switch and its transport. */
export interface SwitchReport {
  readonly counters: Record<string, number>;
  readonly dropped: Record<string, number>;
  readonly peers: readonly PeerReport[];
  /** Native endpoints of the thread. */
  readonly endpoints?: readonly EndpointReport[] | undefined;
}

export interface PeerReport {
  readonly vtep: HostAddress;
  /** All eight, in their order. */
  readonly slots: readonly SlotReport[];
  readonly rerouting: ReroutingReport;
  /** Slots that were moved for faults lately, where that is too often: something near an end drops packets, not a path. */
  readonly alarm?: number | undefined;
}

export function reportOf(vswitch: Switch): SwitchReport {
  const { dropped, ...switched } = vswitch.counters;
  const { paths, transport } = vswitch;
  return {
    counters: {
      ...switched,
      framesOut: vswitch.framesOut,
      framesQueued: vswitch.framesQueued,
      framesWaiting: vswitch.framesWaiting,
      ...transport.counters,
      ...paths.changes,
      ...vswitch.pathCare.candidates.counters,
      ...vswitch.pauses?.tallies(),
    },
    dropped: { ...dropped },
    peers: peersOf(vswitch),
  };
}

export function peersOf({ forwarding, paths, pathCare }: Switch): PeerReport[] {
  return forwarding.peers.map((vtep, peer) => ({
    vtep,
    slots: Array.from({ length: SLOTS }, (_, slot) => ({
      state: paths.stateOf(peer, slot),
      rttMicros: Math.round(paths.rttMicros(peer, slot)),
      candidate: paths.candidateOf(peer, slot),
      route: paths.routeOf(peer, slot),
    })),
    rerouting: {
      moves: pathCare.rerouting.movesOf(peer),
      badCandidates: pathCare.candidates.badOf(peer),
    },
    ...alarmOf(pathCare.candidates.switchesOf(peer)),
  }));
}

function alarmOf({ count, alarmSince }: { readonly count: number; readonly alarmSince: number }) {
  return alarmSince > 0 ? { alarm: count } : {};
}
