// Frames that wait for their connection: for its window, or for its handshake. One queue a vNIC pair, capped in
// bytes; while the connection is being opened, in frames.

import { FrameQueue, type FrameQueueState } from '../packet/pieces.ts';
import { RowSet, type RowSetState } from '../transport/row-set.ts';

/** Deep enough for a TCP window of the usual limit (6 MB): guests then slow down by their own window, not by loss. */
const QUEUE_BYTES = 8 << 20;
/** Frames that wait for a handshake. */
const QUEUE_FRAMES = 64;
/** Empty queues kept for the next pairs that must wait: most wait once, for their handshake. */
const MAX_SPARE = 64;

export interface PairQueuesState {
  readonly queues: readonly (FrameQueueState | undefined)[];
  readonly waiting: RowSetState;
}

export class PairQueues {
  /** Of pairs with frames that wait. */
  private readonly queues: (FrameQueue | undefined)[];
  private readonly spare: FrameQueue[] = [];
  private readonly waiting: RowSet;

  constructor(old?: PairQueuesState) {
    this.queues = (old?.queues ?? []).map((queue) => queue && new FrameQueue(queue));
    this.waiting = new RowSet(old?.waiting);
  }

  save(): PairQueuesState {
    return { queues: this.queues.map((queue) => queue?.save()), waiting: this.waiting.save() };
  }

  /** Calls `visit` with the offset of every frame. */
  eachHeld(visit: (offset: number) => void): void {
    for (const queue of this.queues) queue?.each(visit);
  }

  isEmpty(pair: number): boolean {
    return this.framesOf(pair) === 0;
  }

  framesOf(pair: number): number {
    return this.queues[pair]?.frames ?? 0;
  }

  bytesOf(pair: number): number {
    return this.queues[pair]?.bytes ?? 0;
  }

  /** Frames of all pairs. */
  get frames(): number {
    return this.queues.reduce((sum, queue) => sum + (queue?.frames ?? 0), 0);
  }

  /** Queues a frame, reference included; false (and the reference is still the caller's) when the queue is full. */
  push(pair: number, offset: number, length: number, established: boolean): boolean {
    const full = established
      ? this.bytesOf(pair) + length > QUEUE_BYTES
      : this.framesOf(pair) >= QUEUE_FRAMES;
    if (full) return false;
    this.queues[pair] ??= this.spare.pop() ?? new FrameQueue();
    this.queues[pair].push(offset, length);
    this.waiting.add(pair);
    return true;
  }

  /** Puts a frame in front of the others, reference included, however many there are. */
  putFirst(pair: number, offset: number, length: number): void {
    this.queues[pair] ??= new FrameQueue();
    this.queues[pair].unshift(offset, length);
    this.waiting.add(pair);
  }

  /** The same with all of `frames`, which is empty then. */
  putAllFirst(pair: number, frames: FrameQueue): void {
    const queue = this.queues[pair];
    for (; queue !== undefined && queue.frames > 0; queue.shift())
      frames.push(queue.frontOffset(), queue.frontLength());
    for (; frames.frames > 0; frames.shift()) {
      this.queues[pair] ??= new FrameQueue();
      this.queues[pair].push(frames.frontOffset(), frames.frontLength());
      this.waiting.add(pair);
    }
  }

  /** Offers the frames of each queue in turn to `take`, until it refuses one; it may put others first. */
  pump(take: (pair: number, offset: number, length: number) => boolean): void {
    for (let left = this.waiting.count; left > 0; left--) {
      const pair = this.waiting.first();
      const queue = this.queues[pair]!;
      let taken = true;
      while (taken && queue.frames > 0) {
        const offset = queue.frontOffset();
        const length = queue.frontLength();
        queue.shift();
        taken = take(pair, offset, length);
        if (!taken) queue.unshift(offset, length);
      }
      this.waiting.remove(pair);
      if (queue.frames > 0) this.waiting.add(pair);
      else this.putAway(pair, queue);
    }
  }

  private putAway(pair: number, queue: FrameQueue): void {
    this.queues[pair] = undefined;
    if (this.spare.length < MAX_SPARE) this.spare.push(queue);
  }
}
