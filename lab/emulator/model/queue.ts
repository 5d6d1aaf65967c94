// What queue disciplines have in common. A discipline orders the packets that wait for a transmitter and drops some; what
// waits is counted by its host, the packet being sent included, as in a queue whose head stays until it has left.
import type { PacketPool } from './packets.ts';

export const DISCIPLINES = ['fifo', 'sfq', 'codel', 'fq_codel', 'red'] as const;
export type Discipline = (typeof DISCIPLINES)[number];

/** A full packet's Ethernet frame; what a flow may send in its turn. */
export const FULL_FRAME_BYTES = 1514;

/** Infinity: without limit. */
export interface QueueLimit {
  readonly packets: number;
  readonly bytes: number;
}

/** What waits for the transmitter or is being sent. */
export interface Backlog {
  readonly packets: number;
  readonly bytes: number;
}

export interface QueueHost {
  readonly pool: PacketPool;
  /** With the packet that is being enqueued. */
  readonly backlog: Backlog;
  /** Gives up a packet that the queue no longer has. */
  drop(slot: number): void;
  /** Marks a packet that the queue would drop to say that it is congested; false: it must be dropped. */
  mark(slot: number): boolean;
}

export interface Queue {
  enqueue(slot: number, nowMicros: number): void;
  /** The packet to send next; -1 when none waits. */
  dequeue(nowMicros: number): number;
}

export function isOver(backlog: Backlog, limit: QueueLimit): boolean {
  return backlog.packets > limit.packets || backlog.bytes > limit.bytes;
}
