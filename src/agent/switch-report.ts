// What a switch says about itself: plain numbers, since they travel between threads.

import { SLOTS } from '../paths/path-table.ts';
import type { SlotReport } from '../paths/routes.ts';
import type { Switch } from '../vswitch/switch.ts';
import type { HostAddress } from '../wire/address.ts';
import { threadOfCid } from '../wire/bifrost-types.ts';

/** Of the switch and its transport. */
export interface SwitchReport {
  readonly counters: Record<string, number>;
  readonly dropped: Record<string, number>;
  readonly peers: readonly PeerReport[];
  readonly connections: readonly ConnectionReport[];
}

export interface PeerReport {
  readonly vtep: HostAddress;
  /** All eight, in their order. */
  readonly slots: readonly SlotReport[];
}

export interface ConnectionReport {
  readonly vni: number;
  readonly localMac: number;
  readonly remoteMac: number;
  readonly peer: number;
  readonly thread: number;
  /** Undefined until the peer has said it. */
  readonly remoteThread: number | undefined;
  readonly state: number;
  /** CLOSE_…, or 0. */
  readonly reason: number;
  readonly packetsInFlight: number;
}

export function reportOf(vswitch: Switch): SwitchReport {
  const { dropped, ...switched } = vswitch.counters;
  const { connections, counters } = vswitch.transport;
  const { forwarding, paths } = vswitch;
  return {
    counters: {
      ...switched,
      framesOut: vswitch.framesOut,
      framesQueued: vswitch.framesQueued,
      framesWaiting: vswitch.framesWaiting,
      ...counters,
      ...paths.changes,
    },
    dropped: { ...dropped },
    peers: peersOf(vswitch),
    connections: Array.from({ length: connections.count }, (_, row) => {
      const pair = connections.pair[row]!;
      const send = connections.send[row];
      const remoteCid = connections.remoteCid[row]!;
      return {
        vni: connections.vni[row]!,
        localMac: forwarding.localMac(pair),
        remoteMac: forwarding.remoteMac(pair),
        peer: connections.peer[row]!,
        thread: threadOfCid(connections.localCid[row]!),
        remoteThread: remoteCid === 0 ? undefined : threadOfCid(remoteCid),
        state: connections.state[row]!,
        reason: connections.reason[row]!,
        packetsInFlight: send === undefined ? 0 : (send.txNext - send.una) >>> 0,
      };
    }),
  };
}

export function peersOf({ forwarding, paths }: Switch): PeerReport[] {
  return forwarding.peers.map((vtep, peer) => ({
    vtep,
    slots: Array.from({ length: SLOTS }, (_, slot) => ({
      state: paths.stateOf(peer, slot),
      rttMicros: Math.round(paths.rttMicros(peer, slot)),
      candidate: paths.candidateOf(peer, slot),
      route: paths.routeOf(peer, slot),
    })),
  }));
}
