// What a switch says about the flows that wait in it: plain numbers, since they travel between threads. It is asked for in
// pages, one between two turns, so that packets do not wait while thousands of queues are told of.

import { FLOW_WORDS } from '../../packet/device.ts';
import type { Backlog } from '../../vswitch/flows/backlog.ts';
import type { Pauses } from '../../vswitch/pauses/pauses.ts';
import { portOfOrigin } from '../../vswitch/receive-queues.ts';
import type { SchedulerName } from '../../vswitch/scheduling/scheduler.ts';
import type { Switch } from '../../vswitch/switch.ts';
import type { HostAddress, Mac } from '../../wire/address.ts';

/** Queues of a page, and rows that it looks at to find them. */
const PAGE_QUEUES = 64;
const PAGE_ROWS = 1024;

export interface QueuePage {
  readonly queues: readonly QueueReport[];
  /** On the first page. */
  readonly totals?: QueueTotals | undefined;
  /** Where the next page begins; absent: this was the last. */
  readonly next?: number | undefined;
}

export interface QueueTotals {
  readonly scheduler: SchedulerName;
  /** Queues there are, for connections and for vNICs. */
  readonly out: number;
  readonly in: number;
  /** Rings of 64 frames in use, and how many there may be. */
  readonly rings: number;
  readonly maxRings: number;
  /** Frames that had to share a queue with other flows. */
  readonly shared: number;
  readonly dropped: Record<string, number>;
  /** By what pauses count; none where there are no pauses. */
  readonly pauses: Record<string, number>;
}

export interface QueueReport {
  /** For a connection, and else for a vNIC. */
  readonly isOut: boolean;
  readonly vni: number;
  readonly localMac: Mac;
  /** 0: not known. */
  readonly remoteMac: Mac;
  /** Absent: the other vNIC is on this host, or not known. */
  readonly vtep: HostAddress | undefined;
  /** The words of a FlowKey; empty for a queue that flows share. */
  readonly key: Uint32Array;
  readonly frames: number;
  readonly bytes: number;
  readonly priority: number;
  readonly weight: number;
  /** What holds it up: the pause still to come, and the rate behind it; Infinity: none. */
  readonly pausedMicros: number;
  readonly rateBytesPerSecond: number;
  /** Of a queue for a vNIC: what its owner takes; Infinity: not known. */
  readonly takenBytesPerSecond: number;
  /** Its sender was asked to pause, or is held where it is an endpoint of this host. */
  readonly isAsked: boolean;
}

/** The queues from row `from` on, as far as one page goes. Rows of queues for vNICs come behind the others. */
export function queuePage(vswitch: Switch, from: number, nowMicros: number): QueuePage {
  const { send, receive } = vswitch.waiting;
  const outRows = send.backlog.table.end;
  const allRows = outRows + receive.backlog.table.end;
  const queues: QueueReport[] = [];
  const lastRow = Math.min(allRows, from + PAGE_ROWS);
  let row = from;
  for (; row < lastRow && queues.length < PAGE_QUEUES; row++) {
    const isOut = row < outRows;
    const flow = isOut ? row : row - outRows;
    if (!(isOut ? send : receive).backlog.table.isUsed(flow)) continue;
    queues.push(isOut ? outQueue(vswitch, flow, nowMicros) : inQueue(vswitch, flow, nowMicros));
  }
  return {
    queues,
    totals: from === 0 ? totalsOf(vswitch) : undefined,
    next: row < allRows ? row : undefined,
  };
}

function totalsOf({ waiting, counters, pauses }: Switch): QueueTotals {
  const { send, receive, memory } = waiting;
  const { queueFull, noRing, vnicFull, noReceiveRing } = counters.dropped;
  return {
    scheduler: send.backlog.schedulerName,
    out: send.backlog.table.count,
    in: receive.backlog.table.count,
    rings: memory.rings - memory.pool.free,
    maxRings: memory.rings,
    shared: send.backlog.framesShared + receive.backlog.framesShared,
    dropped: { queueFull, noRing, vnicFull, noReceiveRing },
    pauses: pauses === undefined ? {} : pauseCounts(pauses),
  };
}

function pauseCounts({ issuer, throttle, counters }: Pauses): Record<string, number> {
  return { ...issuer.counters, ...throttle.counters, ...counters };
}

function outQueue({ waiting, forwarding, pauses }: Switch, flow: number, now: number): QueueReport {
  const { backlog } = waiting.send;
  const pair = backlog.table.linkOf(flow);
  const throttle = pauses?.throttle;
  return {
    isOut: true,
    vni: forwarding.vniOf(pair),
    localMac: forwarding.localMac(pair),
    remoteMac: forwarding.remoteMac(pair),
    vtep: forwarding.peers[forwarding.peerOf(pair)]!,
    ...queueOf(backlog, flow),
    pausedMicros: Math.max(0, (throttle?.pausedUntil(flow) ?? 0) - now),
    rateBytesPerSecond: throttle?.rateBytesPerSecond(now, flow) ?? Number.POSITIVE_INFINITY,
    takenBytesPerSecond: Number.POSITIVE_INFINITY,
    isAsked: false,
  };
}

function inQueue({ waiting, forwarding, pauses }: Switch, flow: number, now: number): QueueReport {
  const { backlog } = waiting.receive;
  const port = forwarding.ports[backlog.table.linkOf(flow)]!;
  const origin = waiting.receive.originOf(flow);
  const local = forwarding.ports[portOfOrigin(origin)];
  const isShared = backlog.isShared(flow);
  return {
    isOut: false,
    vni: port.network.vni,
    localMac: port.mac,
    remoteMac: isShared ? 0 : origin >= 0 ? forwarding.remoteMac(origin) : (local?.mac ?? 0),
    vtep: origin >= 0 && !isShared ? forwarding.peers[forwarding.peerOf(origin)] : undefined,
    ...queueOf(backlog, flow),
    pausedMicros: 0,
    rateBytesPerSecond: Number.POSITIVE_INFINITY,
    takenBytesPerSecond: pauses?.issuer.rateBytesPerSecond(now, flow) ?? Number.POSITIVE_INFINITY,
    isAsked: pauses !== undefined && (pauses.issuer.keeps(flow) || pauses.local.isHeld(flow)),
  };
}

function queueOf(backlog: Backlog, flow: number) {
  const key = new Uint32Array(backlog.isShared(flow) ? 0 : FLOW_WORDS);
  if (key.length > 0) backlog.table.keyInto(flow, key);
  return {
    key,
    frames: backlog.queuedFrames(flow),
    bytes: backlog.queuedBytes(flow),
    priority: backlog.priorityOf(flow),
    weight: backlog.weightOf(flow),
  };
}
