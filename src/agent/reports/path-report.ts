// What a switch says about the slots to its peers: plain numbers, in pages like the connections.

import { SLOTS } from '../../paths/path-table.ts';
import type { SlotStory } from '../../paths/slot-history.ts';
import type { Switch } from '../../vswitch/switch.ts';
import type { HostAddress } from '../../wire/address.ts';

/** Peers of a page, with eight slots each. */
const PAGE_PEERS = 8;

export interface PathPage {
  readonly paths: readonly PathReport[];
  /** Where the next page begins; absent: this was the last. */
  readonly next?: number | undefined;
}

export interface PathReport {
  readonly peer: number;
  readonly vtep: HostAddress;
  readonly slot: number;
  readonly state: number;
  readonly sprayed: boolean;
  readonly rttMicros: number;
  readonly fabricMicros: number;
  readonly endpointMicros: number;
  readonly hopCount: number;
  readonly candidate: number;
  readonly route: number;
  /** How long silence is borne. */
  readonly timeoutMicros: number;
  readonly sinceMicrosAgo: number;
  readonly leftMicrosAgo: number;
  readonly story: SlotStory;
}

/** What one of the host's data threads found out for itself. */
export interface ThreadPathReport extends PathReport {
  readonly thread: number;
}

/** The slots of the peers from `from` on, as far as one page goes. */
export function pathPage({ forwarding, paths }: Switch, from: number, nowMicros: number): PathPage {
  const { peers } = forwarding;
  const end = Math.min(from + PAGE_PEERS, peers.length);
  const reports: PathReport[] = [];
  for (let peer = from; peer < end; peer++) {
    for (let slot = 0; slot < SLOTS; slot++) {
      const story = paths.storyOf(peer, slot);
      reports.push({
        peer,
        vtep: peers[peer]!,
        slot,
        state: paths.stateOf(peer, slot),
        sprayed: paths.isSprayed(peer, slot),
        rttMicros: paths.rttMicros(peer, slot),
        fabricMicros: paths.fabricMicros(peer, slot),
        endpointMicros: paths.endpointMicros(peer, slot),
        hopCount: paths.hopsOf(peer, slot),
        candidate: paths.candidateOf(peer, slot),
        route: paths.routeOf(peer, slot),
        timeoutMicros: paths.timeoutMicros(peer, slot),
        sinceMicrosAgo: nowMicros - story.since,
        leftMicrosAgo: nowMicros - story.leftAt,
        story,
      });
    }
  }
  return { paths: reports, next: end < peers.length ? end : undefined };
}
