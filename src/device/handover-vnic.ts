// A vNIC that only another data thread can write to, a native endpoint (Backdraft §4.2): frames for it are handed over to
// that thread, and those that its ring has no room for wait here, flow by flow.

import type { FrameDevice } from '../packet/device.ts';
import type { PieceList } from '../packet/pieces.ts';

/** Gives the thread of a port the frame of pieces `first` to `end`; false when there is no room. */
export type HandFrame = (port: number, frames: PieceList, first: number, end: number) => boolean;

export class HandoverVnic implements FrameDevice {
  readonly dropped = 0;
  private readonly port: number;
  private readonly hand: HandFrame;

  constructor(port: number, hand: HandFrame) {
    this.port = port;
    this.hand = hand;
  }

  /** The other thread reads it. */
  rx(): number {
    return 0;
  }

  tx(frames: PieceList, from: number): number {
    let next = from;
    while (next < frames.count) {
      const end = frames.frameEnd(next);
      if (!this.hand(this.port, frames, next, end)) break;
      next = end;
    }
    return next - from;
  }
}
