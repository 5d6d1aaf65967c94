// Frames on their way into a vNIC. What the device does not take at once waits here, in order, up to a cap in pieces
// and one in bytes: small pieces cost places, large ones memory that all vNICs share.

import type { FrameDevice } from '../packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, PieceList, type PieceListState } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';

const BACKLOG_PIECES = 4096;
/** A sixteenth of the memory of a data thread. */
const BACKLOG_BYTES = 8 << 20;

export interface VnicOutputState {
  readonly backlog: PieceListState;
  readonly backlogBytes: number;
  readonly framesOut: number;
}

export class VnicOutput {
  private readonly device: FrameDevice;
  private readonly region: Region;
  private backlog: PieceList;
  private spare = new PieceList(BACKLOG_PIECES);
  private backlogBytes: number;
  framesOut: number;

  constructor(device: FrameDevice, region: Region, old?: VnicOutputState) {
    this.device = device;
    this.region = region;
    this.backlog = new PieceList(BACKLOG_PIECES, old?.backlog);
    this.backlogBytes = old?.backlogBytes ?? 0;
    this.framesOut = old?.framesOut ?? 0;
  }

  save(): VnicOutputState {
    return { backlog: this.backlog.save(), backlogBytes: this.backlogBytes, framesOut: this.framesOut };
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    for (let i = 0; i < this.backlog.count; i++) visit(this.backlog.words[i * 2]!);
  }

  /** Pieces that wait. */
  get waiting(): number {
    return this.backlog.count;
  }

  /** Frames that wait, counted. */
  get framesWaiting(): number {
    let frames = 0;
    for (let i = 0; i < this.waiting; i++) if (this.backlog.words[i * 2 + 1]! >= PIECE_LAST) frames++;
    return frames;
  }

  /** Writes the frames, references included; frames dropped for want of room. */
  write(frames: PieceList): number {
    let next = 0;
    if (this.backlog.count === 0) {
      next = this.device.tx(frames, 0);
      this.release(frames, 0, next);
    }
    return next < frames.count ? this.keep(frames, next) : 0;
  }

  /** Tries what waits again. */
  retry(): void {
    const waiting = this.backlog;
    if (waiting.count === 0) return;
    const taken = this.device.tx(waiting, 0);
    this.backlogBytes -= bytesOf(waiting, 0, taken);
    this.release(waiting, 0, taken);
    if (taken === 0) return;
    this.backlog = this.spare;
    this.spare = waiting;
    for (let i = taken; i < waiting.count; i++) {
      this.backlog.push(waiting.words[i * 2]!, waiting.words[i * 2 + 1]!);
    }
    waiting.clear();
  }

  private keep(frames: PieceList, from: number): number {
    const { backlog, region } = this;
    let dropped = 0;
    let start = from;
    while (start < frames.count) {
      const end = frames.frameEnd(start);
      const bytes = bytesOf(frames, start, end);
      const fits =
        backlog.count + end - start <= backlog.capacity && this.backlogBytes + bytes <= BACKLOG_BYTES;
      if (fits) this.backlogBytes += bytes;
      for (let i = start; i < end; i++) {
        if (fits) backlog.push(frames.words[i * 2]!, frames.words[i * 2 + 1]!);
        else region.release(frames.words[i * 2]!);
      }
      if (!fits) dropped++;
      start = end;
    }
    return dropped;
  }

  private release(frames: PieceList, from: number, end: number): void {
    const { words } = frames;
    for (let i = from; i < end; i++) {
      this.region.release(words[i * 2]!);
      if (words[i * 2 + 1]! >= PIECE_LAST) this.framesOut++;
    }
  }
}

/** Of the pieces from `from` on, up to `end`. */
function bytesOf({ words }: PieceList, from: number, end: number): number {
  let bytes = 0;
  for (let i = from; i < end; i++) bytes += words[i * 2 + 1]! & PIECE_LENGTH_MASK;
  return bytes;
}
