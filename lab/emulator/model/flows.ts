// What the disciplines that keep flows apart share: a fixed number of lists that flows are hashed to, and rounds in which
// lists take turns by deficit (Shreedhar and Varghese, SIGCOMM 1995).
import { PacketList, type PacketPool } from './packets.ts';
import { FULL_FRAME_BYTES } from './queue.ts';

/** As in Linux: few flows share a list. */
const LISTS = 1024;

export interface FlowQueue {
  readonly list: PacketList;
  /** Bytes that it may still send in this turn. */
  deficit: number;
  /** The round it waits in has a link for each; undefined behind the last. */
  behind: FlowQueue | undefined;
  isWaiting: boolean;
}

export function emptyFlow(list: PacketList): FlowQueue {
  return { list, deficit: 0, behind: undefined, isWaiting: false };
}

export class FlowTable<F extends FlowQueue> {
  private readonly flows: readonly F[];
  private readonly pool: PacketPool;

  constructor(pool: PacketPool, make: (list: PacketList) => F) {
    this.pool = pool;
    this.flows = Array.from({ length: LISTS }, () => make(new PacketList(pool)));
  }

  /** Takes a packet in. Its flow waits for a turn in `round`, if it does not wait for one yet. */
  push(slot: number, round: FlowRound<F>): void {
    const flow = this.flows[this.pool.flow[slot]! % LISTS]!;
    flow.list.push(slot);
    if (flow.isWaiting) return;
    flow.deficit = FULL_FRAME_BYTES;
    round.push(flow);
  }

  /** With most bytes: where to make room. */
  fattest(): F {
    let fattest = this.flows[0]!;
    for (const flow of this.flows) if (flow.list.bytes > fattest.list.bytes) fattest = flow;
    return fattest;
  }
}

export class FlowRound<F extends FlowQueue> {
  private head: FlowQueue | undefined;
  private tail: FlowQueue | undefined;

  /** Whose turn it is. */
  get first(): F | undefined {
    return this.head as F | undefined;
  }

  push(flow: F): void {
    flow.isWaiting = true;
    flow.behind = undefined;
    if (this.tail === undefined) this.head = flow;
    else this.tail.behind = flow;
    this.tail = flow;
  }

  shift(): F {
    const flow = this.head!;
    this.head = flow.behind;
    if (this.head === undefined) this.tail = undefined;
    flow.isWaiting = false;
    return flow as F;
  }
}
