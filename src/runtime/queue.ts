// Queues of fixed-size records between engines, whether they run on one thread or in two processes. A queue has one
// producer and one consumer, keeps its order, and refuses what it has no room for: back-pressure, never loss.

export interface Queue {
  /** Takes up to `n` records from the start of `src`; how many. */
  push(src: Uint32Array, n: number): number;
  /** Moves up to `n` records to the start of `dst`; how many. */
  pop(dst: Uint32Array, n: number): number;
  /**
   * The consumer is about to sleep: true when the queue is still empty, and the producer's next push will wake it; false
   * when something came meanwhile.
   */
  arm(): boolean;
}
