// How full a receive queue may be, in bytes, with nothing to tune (Backdraft §4.3). A batch is what its owner reads at once;
// a flow's BDP is what its owner takes in one round trip of the fabric.
//
//   Th_goal  a batch, or the flow's BDP where that is more: how much is to be left when a pause ends
//   Th_over  as much above it again: the sender is asked to pause
//   cap      what a flow may hold at most; Th_over is at least a window of the connection below it. That is what is on its
//            way when a frame leaves that asks for a pause, so a sender that obeys never meets the cap
//
// Where memory becomes short thresholds sink with what is left, so that many slow flows share it and still nothing is dropped.

export interface PauseSizing {
  /** What an owner reads at once. */
  readonly batchBytes: number;
  /** The most that a connection has on its way. */
  readonly windowBytes: number;
  /** What a flow may hold; the rest is dropped. */
  readonly capBytes: number;
}

const OVER_WINDOWS = 2;
/** A batch and a batch: the lowest Th_over, but for want of memory. */
const LEAST_BATCHES = 2;
/** Of the memory that is left when all that is on its way has come, a flow may have this part before it is asked to pause. */
const ROOM_SHARE = 1 / 32;
/** Below that a queue is not worth a frame, unless there is no such memory. */
const LEAST_BYTES = 3_000;

export class Thresholds {
  readonly batchBytes: number;
  private readonly mostGoalBytes: number;
  /** What may still come of a connection after its sender was asked. */
  readonly windowBytes: number;
  /** No queue below this is over its threshold. */
  readonly leastOverBytes: number;
  /** Nor any flow's threshold above this. */
  readonly mostOverBytes: number;

  constructor({ batchBytes, windowBytes, capBytes }: PauseSizing) {
    this.batchBytes = batchBytes;
    this.windowBytes = windowBytes;
    this.leastOverBytes = LEAST_BATCHES * batchBytes;
    const mostBytes = Math.min(OVER_WINDOWS * windowBytes, capBytes - windowBytes);
    this.mostOverBytes = Math.max(this.leastOverBytes, mostBytes);
    this.mostGoalBytes = this.mostOverBytes / 2;
  }

  /** Th_goal of a flow with this BDP, doubled `raised` times because it was too little. */
  goalBytes(bdpBytes: number, raised: number): number {
    return Math.min(Math.max(this.batchBytes, bdpBytes) * 2 ** raised, this.mostGoalBytes);
  }

  /** Th_over of the same flow. */
  overBytes(bdpBytes: number, raised: number): number {
    const step = Math.min(Math.max(this.batchBytes, bdpBytes), this.mostGoalBytes);
    return this.goalBytes(bdpBytes, raised) + step;
  }

  /** What Th_over is at most while so much memory is left for the flow and others beside it, all that is on its way aside. */
  bearableBytes(roomBytes: number): number {
    return roomBytes <= 0 ? 0 : Math.max(roomBytes * ROOM_SHARE, LEAST_BYTES);
  }
}
