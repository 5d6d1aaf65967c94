// What a switch says about each of its connections: plain numbers, since they travel between threads. It is asked for in
// pages, one between two turns, so that packets do not wait while thousands of connections are told of.

import { SLOTS } from '../../paths/path-table.ts';
import { paceDue } from '../../transport/pacing.ts';
import { TALLY_NAMES } from '../../transport/tallies.ts';
import { PAIR_DROP_REASONS } from '../../vswitch/pair-drops.ts';
import type { Switch } from '../../vswitch/switch.ts';
import type { HostAddress, Mac } from '../../wire/address.ts';

/** Rows of a page: a fifth of a millisecond's work. */
const PAGE_ROWS = 16;

export interface FlowPage {
  readonly flows: readonly FlowReport[];
  /** Where the next page begins; absent: this was the last. */
  readonly next?: number | undefined;
}

export interface FlowReport {
  readonly cid: number;
  /** Good while the connection is established. */
  readonly remoteCid: number;
  readonly vni: number;
  readonly localMac: Mac;
  readonly remoteMac: Mac;
  readonly vtep: HostAddress;
  readonly state: number;
  /** Why there is no connection: CLOSE_…, or 0. */
  readonly reason: number;
  readonly ccType: number;
  readonly congestion: string;
  /** Why a slot's algorithm of the control plane lost it last; '' if none did. */
  readonly congestionTrouble: string;
  /** Since the last acknowledgement or answer. */
  readonly heardMicrosAgo: number;
  readonly una: number;
  readonly txNext: number;
  readonly next: number;
  readonly base: number;
  readonly end: number;
  readonly windowPackets: number;
  readonly windowLimit: number;
  readonly inFlightBytes: number;
  readonly waitingFrames: number;
  readonly waitingBytes: number;
  readonly deepestReorder: number;
  /** In the order of TALLY_NAMES, and of PAIR_DROP_REASONS: names would cost more than the numbers. */
  readonly counts: Float64Array;
  readonly dropped: Float64Array;
  /** Empty when the connection has no windows: it was not used for a while. */
  readonly slots: readonly FlowSlotReport[];
}

export interface FlowSlotReport {
  readonly state: number;
  readonly sprayed: boolean;
  /** Infinity: nothing bounds it but the connection's own window. */
  readonly cwndBytes: number;
  /** Infinity: unpaced. */
  readonly rateBytesPerSecond: number;
  /** Of an algorithm of the control plane: whether it decides, or its datapath's fallback. */
  readonly decides: 'algorithm' | 'fallback' | undefined;
  readonly inFlightBytes: number;
  readonly inFlightPackets: number;
  readonly rttMicros: number;
  readonly fabricMicros: number;
  readonly endpointMicros: number;
  /** It takes no frame for so long, as the last one was larger than its window. */
  readonly pacedMicros: number;
  /** Timeouts in a row. */
  readonly timeouts: number;
}

/** The connections from row `from` on, as far as one page goes. */
export function flowPage(vswitch: Switch, from: number, nowMicros: number): FlowPage {
  const { connections } = vswitch.transport;
  const end = Math.min(from + PAGE_ROWS, connections.count);
  const flows: FlowReport[] = [];
  for (let row = from; row < end; row++) flows.push(flowOf(vswitch, row, nowMicros));
  return { flows, next: end < connections.count ? end : undefined };
}

/** The connection that we call so, if there is one. */
export function flowReport(vswitch: Switch, cid: number, nowMicros: number): FlowReport | undefined {
  const row = vswitch.transport.connections.ofCid(cid);
  return row < 0 ? undefined : flowOf(vswitch, row, nowMicros);
}

function flowOf(vswitch: Switch, row: number, nowMicros: number): FlowReport {
  const { forwarding, pairDrops } = vswitch;
  const { send: queues } = vswitch.waiting;
  const { connections } = vswitch.transport;
  const pair = connections.pair[row]!;
  const send = connections.send[row];
  const recalled = connections.recalled[row];
  return {
    cid: connections.localCid[row]!,
    remoteCid: connections.remoteCid[row]!,
    vni: connections.vni[row]!,
    localMac: forwarding.localMac(pair),
    remoteMac: forwarding.remoteMac(pair),
    vtep: forwarding.peers[connections.peer[row]!]!,
    state: connections.state[row]!,
    reason: connections.reason[row]!,
    ccType: connections.congestion[row]!.ccType,
    congestion: connections.congestion[row]!.name,
    congestionTrouble: vswitch.plane.of(pair)?.detail ?? '',
    heardMicrosAgo: nowMicros - connections.lastHeard[row]!,
    ...connections.psnsOf(row),
    windowPackets: send?.span ?? 0,
    windowLimit: connections.windowPackets,
    inFlightBytes: send?.inFlightBytes ?? 0,
    waitingFrames: queues.framesOf(pair) + (recalled?.frames ?? 0),
    waitingBytes: queues.bytesOf(pair) + (recalled?.bytes ?? 0),
    deepestReorder: connections.deepestReorder[row]!,
    counts: Float64Array.from(TALLY_NAMES, (name) => connections.tallies[name][row]!),
    dropped: Float64Array.from(PAIR_DROP_REASONS, (reason) => pairDrops.of(pair, reason)),
    slots: slotsOf(vswitch, row, nowMicros),
  };
}

function slotsOf(
  { transport, paths, plane }: Switch,
  row: number,
  nowMicros: number,
): readonly FlowSlotReport[] {
  const { connections } = transport;
  const peer = connections.peer[row]!;
  const send = connections.send[row];
  if (send === undefined) return [];
  const governed = plane.of(connections.pair[row]!);
  return Array.from({ length: SLOTS }, (_, slot) => ({
    state: paths.stateOf(peer, slot),
    sprayed: paths.isSprayed(peer, slot),
    cwndBytes: send.congestion.cwndBytes(slot),
    rateBytesPerSecond: send.congestion.rateBytesPerSecond?.(slot) ?? Number.POSITIVE_INFINITY,
    decides: governed?.slots[slot],
    inFlightBytes: send.slotBytes[slot]!,
    inFlightPackets: send.inFlight[slot]!,
    rttMicros: paths.rttMicros(peer, slot),
    fabricMicros: paths.fabricMicros(peer, slot),
    endpointMicros: paths.endpointMicros(peer, slot),
    pacedMicros: Math.max(0, paceDue(send, slot) - nowMicros),
    timeouts: send.backoff[slot]!,
  }));
}
