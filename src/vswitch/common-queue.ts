// One queue for the frames of all vNICs, first in, first out: what a queue a flow is compared with (Backdraft §6.2, BP). While
// the vNIC of its first frame takes none, all others wait behind that; while it is full the switch takes nothing from
// anybody, until half of it is free, as switches do that pause whole links.

import { type Columns, columnsOf } from '../base/columns.ts';
import { PIECE_LAST, type PieceList } from '../packet/pieces.ts';

const FIRST_PIECES = 64;

const PIECES = {
  offset: Uint32Array,
  word: Uint32Array,
  /** Of the frame: where it goes, and who sends it. */
  port: Int32Array,
  origin: Int32Array,
  originFlow: Int32Array,
} as const;

export interface CommonQueueState {
  readonly pieces: Columns<typeof PIECES>;
  readonly head: number;
  readonly count: number;
  readonly frames: number;
  readonly isStopped: boolean;
}

export class CommonQueue {
  frames: number;
  private readonly room: number;
  private pieces: Columns<typeof PIECES>;
  private head: number;
  private count: number;
  private isStopped: boolean;

  /** `room` in frames. */
  constructor(room: number, old?: CommonQueueState) {
    this.room = room;
    this.pieces = old?.pieces ?? columnsOf(PIECES, FIRST_PIECES);
    this.head = old?.head ?? 0;
    this.count = old?.count ?? 0;
    this.frames = old?.frames ?? 0;
    this.isStopped = old?.isStopped ?? false;
  }

  save(): CommonQueueState {
    const { pieces, head, count, frames, isStopped } = this;
    return { pieces, head, count, frames, isStopped };
  }

  eachHeld(visit: (offset: number) => void): void {
    for (let i = 0; i < this.count; i++) visit(this.pieces.offset[this.at(i)]!);
  }

  /** Nobody's frames are to be taken while so many wait, here and for the vNIC that was first. */
  stops(frames: number): boolean {
    if (frames >= this.room) this.isStopped = true;
    else if (frames <= this.room / 2) this.isStopped = false;
    return this.isStopped;
  }

  /** Of the first frame. */
  get port(): number {
    return this.pieces.port[this.head]!;
  }

  get origin(): number {
    return this.pieces.origin[this.head]!;
  }

  get originFlow(): number {
    return this.pieces.originFlow[this.head]!;
  }

  /** The first frame is another one of these. */
  continues(port: number, origin: number, originFlow: number): boolean {
    return this.frames > 0 && port === this.port && origin === this.origin && originFlow === this.originFlow;
  }

  /** What was read when it became full is kept, too. */
  push(port: number, { words, count }: PieceList, origin: number, originFlow: number): void {
    while (this.count + count > this.pieces.offset.length) this.grow();
    const { pieces } = this;
    for (let i = 0; i < count; i++) {
      const at = this.at(this.count++);
      const word = words[i * 2 + 1]!;
      pieces.offset[at] = words[i * 2]!;
      pieces.word[at] = word;
      pieces.port[at] = port;
      pieces.origin[at] = origin;
      pieces.originFlow[at] = originFlow;
      if (word >= PIECE_LAST) this.frames++;
    }
  }

  /** Moves the first frame to the end of a list. */
  shift(out: PieceList): void {
    const { pieces } = this;
    let word = 0;
    do {
      word = pieces.word[this.head]!;
      out.push(pieces.offset[this.head]!, word);
      this.head = this.at(1);
      this.count--;
    } while (word < PIECE_LAST);
    this.frames--;
  }

  private at(i: number): number {
    return (this.head + i) & (this.pieces.offset.length - 1);
  }

  private grow(): void {
    const old = this.pieces;
    const { length } = old.offset;
    const pieces = columnsOf(PIECES, length * 2);
    for (let i = 0; i < this.count; i++) {
      const from = this.at(i);
      pieces.offset[i] = old.offset[from]!;
      pieces.word[i] = old.word[from]!;
      pieces.port[i] = old.port[from]!;
      pieces.origin[i] = old.origin[from]!;
      pieces.originFlow[i] = old.originFlow[from]!;
    }
    this.pieces = pieces;
    this.head = 0;
  }
}
