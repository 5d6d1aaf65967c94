// How full a receive queue may be, in bytes, with nothing to tune (Backdraft §4.3). A batch is what its owner reads at once;
// a flow's BDP is what its owner takes in one round trip of the fabric.
//
//   Th_goal  a batch, or the flow's BDP where that is more: how much is to be left when a pause ends
//   Th_over  as much above it again: the sender is asked to pause
//   cap      Th_over at its highest, and two windows of the connection. One is what is on its way when a frame leaves that
//            asks for a pause, so a sender that obeys never meets the cap; the other is for a frame that was lost

export interface PauseSizing {
  /** What an owner reads at once. */
  readonly batchBytes: number;
  /** The most that a connection has on its way. */
  readonly windowBytes: number;
}

const OVER_WINDOWS = 2;
const CAP_WINDOWS = OVER_WINDOWS + 2;
/** A batch and a batch: the lowest Th_over. */
const LEAST_BATCHES = 2;

export class Thresholds {
  readonly batchBytes: number;
  private readonly mostBytes: number;
  /** No queue below this is over its threshold. */
  readonly leastOverBytes: number;
  /** Nor any flow's threshold above this. */
  readonly mostOverBytes: number;
  /** What a flow may hold; the rest is dropped. */
  readonly capBytes: number;

  constructor({ batchBytes, windowBytes }: PauseSizing) {
    this.batchBytes = batchBytes;
    this.mostBytes = Math.max(batchBytes, windowBytes);
    this.leastOverBytes = LEAST_BATCHES * batchBytes;
    this.mostOverBytes = OVER_WINDOWS * this.mostBytes;
    this.capBytes = CAP_WINDOWS * this.mostBytes;
  }

  /** Th_goal of a flow with this BDP, doubled `raised` times because it was too little. */
  goalBytes(bdpBytes: number, raised: number): number {
    return Math.min(Math.max(this.batchBytes, bdpBytes) * 2 ** raised, this.mostBytes);
  }

  /** Th_over of the same flow. */
  overBytes(bdpBytes: number, raised: number): number {
    const step = Math.min(Math.max(this.batchBytes, bdpBytes), this.mostBytes);
    return this.goalBytes(bdpBytes, raised) + step;
  }
}
