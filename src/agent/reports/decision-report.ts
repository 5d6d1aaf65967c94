// What a switch says of its decisions about paths and flows, and of the source ports that slots may use: plain numbers.

import type { Decision } from '../../paths/decisions.ts';
import { CANDIDATES } from '../../paths/path-table.ts';
import type { PauseEntry } from '../../vswitch/pauses/pause-log.ts';
import type { Switch } from '../../vswitch/switch.ts';
import type { HostAddress } from '../../wire/address.ts';

export interface Account {
  readonly decisions: readonly DecisionReport[];
  readonly peers: readonly CandidatesReport[];
  readonly pauses: readonly PauseReport[];
}

export interface DecisionReport extends Omit<Decision, 'atMicros' | 'peer'> {
  readonly vtep: HostAddress;
  readonly microsAgo: number;
}

/** A flow that was held back, or is. */
export interface PauseReport extends Omit<PauseEntry, 'link' | 'sinceMicros' | 'untilMicros'> {
  /** Of the other end; undefined: both ends are here. */
  readonly vtep: HostAddress | undefined;
  readonly microsAgo: number;
  /** Undefined: it is held still. */
  readonly heldMicros: number | undefined;
}

/** Of a peer, what is known of its candidates beside the slots' own. */
export interface CandidatesReport {
  readonly vtep: HostAddress;
  readonly isFull: boolean;
  /** Slots moved for a fault lately, and for how long that is too often; absent: it is not. */
  readonly switches: number;
  readonly alarmMicros: number | undefined;
  /** Those of which anything is known, the slots' among them. */
  readonly candidates: readonly CandidateReport[];
}

export interface CandidateReport {
  readonly candidate: number;
  /** PORT_… of the rerouting core. */
  readonly state: number;
  /** Its route was slow lately. */
  readonly isSlow: boolean;
  /** -1: none. */
  readonly slot: number;
  readonly route: number;
  readonly rttMicros: number;
  readonly failureFreeMicros: number;
  readonly probes: number;
  readonly lost: number;
}

export function accountOf({ forwarding, paths, pathCare, pauses }: Switch, nowMicros: number): Account {
  const { candidates, decisions } = pathCare;
  const { peers } = forwarding;
  return {
    decisions: decisions.all().map(({ atMicros, peer, ...decision }) => ({
      ...decision,
      vtep: peers[peer]!,
      microsAgo: Math.max(0, nowMicros - atMicros),
    })),
    peers: peers.map((vtep, peer) => {
      const { count, alarmSince } = candidates.switchesOf(peer);
      return {
        vtep,
        isFull: candidates.isFull(peer),
        switches: count,
        alarmMicros: alarmSince === 0 ? undefined : nowMicros - alarmSince,
        candidates: candidateReports(peer),
      };
    }),
    pauses: (pauses?.log.all() ?? []).map(({ link, sinceMicros, untilMicros, ...entry }) => ({
      ...entry,
      vtep: entry.role === 'local' ? undefined : peers[forwarding.peerOf(link)]!,
      microsAgo: Math.max(0, nowMicros - sinceMicros),
      heldMicros: untilMicros === undefined ? undefined : untilMicros - sinceMicros,
    })),
  };

  function candidateReports(peer: number): CandidateReport[] {
    const all = Array.from({ length: CANDIDATES }, (_, candidate) => candidate);
    return all.flatMap((candidate) => {
      const state = candidates.stateOf(peer, candidate);
      const slot = paths.slotOf(peer, candidate);
      const route = paths.candidateRouteOf(peer, candidate);
      const { sent: probes, lost } = candidates.probesOf(peer, candidate);
      if (probes === 0 && slot < 0 && route === 0) return [];
      const since = candidates.failureFreeSince(peer, candidate);
      return {
        candidate,
        state,
        isSlow: candidates.isSlow(peer, candidate),
        slot,
        route,
        rttMicros: slot < 0 ? candidates.rttMicros(peer, candidate) : paths.rttMicros(peer, slot),
        failureFreeMicros: since === 0 ? 0 : Math.max(0, nowMicros - since),
        probes,
        lost,
      };
    });
  }
}
