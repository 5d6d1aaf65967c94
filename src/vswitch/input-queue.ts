// One queue for the frames that come from all vNICs, first in, first out, before anything is known of them: what a queue a
// flow is compared with (Backdraft §6.2, Lossy). The switch takes as many from it a turn as it reads from one vNIC: so one
// that always has frames, as the sender to a slow receiver, keeps it full, and what comes then is dropped, whose ever it is.

import { type Columns, columnsOf } from '../base/columns.ts';
import type { PieceList } from '../packet/pieces.ts';
import { NO_DEVICE_FLOW } from './receive-queues.ts';

const FRAMES = {
  offset: Uint32Array,
  length: Uint32Array,
  port: Int32Array,
  deviceFlow: Int32Array,
} as const;

export interface InputQueueState {
  readonly columns: Columns<typeof FRAMES>;
  readonly head: number;
  readonly count: number;
}

export class InputQueue {
  count: number;
  /** Of the frames taken last: the number of each one's flow at its vNIC. */
  readonly flows: Uint32Array;
  private readonly room: number;
  private readonly columns: Columns<typeof FRAMES>;
  private head: number;

  /** `room` in frames. */
  constructor(room: number, old?: InputQueueState) {
    this.room = room;
    this.flows = new Uint32Array(room);
    this.columns = old?.columns ?? columnsOf(FRAMES, room);
    this.head = old?.head ?? 0;
    this.count = old?.count ?? 0;
  }

  save(): InputQueueState {
    const { columns, head, count } = this;
    return { columns, head, count };
  }

  eachHeld(visit: (offset: number) => void): void {
    for (let i = 0; i < this.count; i++) visit(this.columns.offset[this.at(i)]!);
  }

  /** How many of the frames of a vNIC, from the first on, found room; `flows` where it has any. */
  push(port: number, { words, count }: PieceList, flows: Uint32Array | undefined): number {
    const { columns } = this;
    const fitting = Math.min(count, this.room - this.count);
    for (let i = 0; i < fitting; i++) {
      const at = this.at(this.count++);
      columns.offset[at] = words[i * 2]!;
      columns.length[at] = words[i * 2 + 1]!;
      columns.port[at] = port;
      columns.deviceFlow[at] = flows === undefined ? NO_DEVICE_FLOW : flows[i]!;
    }
    return fitting;
  }

  /** Moves the first frames into an empty list, `most` of them, as far as one vNIC sent them; its port. */
  take(frames: PieceList, most: number): number {
    const { columns } = this;
    const port = columns.port[this.head]!;
    while (frames.count < most && this.count > 0 && columns.port[this.head] === port) {
      this.flows[frames.count] = columns.deviceFlow[this.head]!;
      frames.push(columns.offset[this.head]!, columns.length[this.head]!);
      this.head = this.at(1);
      this.count--;
    }
    return port;
  }

  private at(i: number): number {
    return (this.head + i) % this.room;
  }
}
