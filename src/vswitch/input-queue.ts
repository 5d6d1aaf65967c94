// One queue for the frames that come from all vNICs, first in, first out, before anything is known of them: what a queue a
// flow is compared with (Backdraft §6.2, Lossy). The switch takes as many from it a turn as it reads from one vNIC: so one
// that always has frames, as the sender to a slow receiver, keeps it full, and of what comes then some is dropped, whose ever
// it is: what comes in one turn comes at the same time, and a part of everybody's finds no room.

import { type Columns, columnsOf } from '../base/columns.ts';
import type { PieceList } from '../packet/pieces.ts';
import { NO_DEVICE_FLOW } from './receive-queues.ts';

/** Which of the frames of a turn are dropped: in each turn others, by the golden ratio of 2^16. */
const STRIDE = 40_503;

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
  readonly phase: number;
}

export class InputQueue {
  count: number;
  /** Of the frames taken last: the number of each one's flow at its vNIC. */
  readonly flows: Uint32Array;
  private readonly room: number;
  private columns: Columns<typeof FRAMES>;
  private head: number;
  /** Of those that wait, the ones that came in this turn. */
  private fresh = 0;
  private phase: number;

  /** `room` in frames. */
  constructor(room: number, old?: InputQueueState) {
    this.room = room;
    this.flows = new Uint32Array(room);
    this.columns = old?.columns ?? columnsOf(FRAMES, 2 * room);
    this.head = old?.head ?? 0;
    this.count = old?.count ?? 0;
    this.phase = old?.phase ?? 0;
  }

  save(): InputQueueState {
    const { columns, head, count, phase } = this;
    return { columns, head, count, phase };
  }

  eachHeld(visit: (offset: number) => void): void {
    for (let i = 0; i < this.count; i++) visit(this.columns.offset[this.at(i)]!);
  }

  /** Frames of a vNIC, to be judged by `thin` when all of this turn are here; `flows` where it has any. */
  push(port: number, { words, count }: PieceList, flows: Uint32Array | undefined): void {
    while (this.count + count > this.columns.offset.length) this.grow();
    const { columns } = this;
    for (let i = 0; i < count; i++) {
      const at = this.at(this.count++);
      columns.offset[at] = words[i * 2]!;
      columns.length[at] = words[i * 2 + 1]!;
      columns.port[at] = port;
      columns.deviceFlow[at] = flows === undefined ? NO_DEVICE_FLOW : flows[i]!;
    }
    this.fresh += count;
  }

  /** Of the frames that came in this turn drops, evenly, those that there is no room for; their number. */
  thin(release: (offset: number) => void): number {
    const { fresh, columns } = this;
    const first = this.count - fresh;
    const excess = Math.max(0, this.count - this.room);
    this.fresh = 0;
    if (excess === 0) return 0;
    this.phase = (this.phase + STRIDE) & 0xffff;
    let owed = Math.floor((this.phase * fresh) / 0x1_0000);
    let kept = first;
    for (let i = first; i < first + fresh; i++) {
      owed += excess;
      const from = this.at(i);
      if (owed >= fresh) {
        owed -= fresh;
        release(columns.offset[from]!);
      } else this.move(from, this.at(kept++));
    }
    const dropped = this.count - kept;
    this.count = kept;
    return dropped;
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

  private move(from: number, to: number): void {
    const { offset, length, port, deviceFlow } = this.columns;
    offset[to] = offset[from]!;
    length[to] = length[from]!;
    port[to] = port[from]!;
    deviceFlow[to] = deviceFlow[from]!;
  }

  private at(i: number): number {
    return (this.head + i) % this.columns.offset.length;
  }

  private grow(): void {
    const grown = columnsOf(FRAMES, this.columns.offset.length * 2);
    for (const name of ['offset', 'length', 'port', 'deviceFlow'] as const)
      for (let i = 0; i < this.count; i++) grown[name][i] = this.columns[name][this.at(i)]!;
    this.columns = grown;
    this.head = 0;
  }
}
