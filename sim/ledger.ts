// What one host sent to the other on one pair, and what of it came out: every frame once, in order, unchanged.

import type { PieceList } from '../src/packet/pieces.ts';
import type { Region } from '../src/packet/region.ts';
import { readFrame } from './frames.ts';

export class Ledger {
  /** Number of the next frame to be written. */
  nextNumber = 0;
  delivered = 0;
  /** Frames that came again after a connection was lost; only where that is allowed. */
  repeated = 0;
  /** Frames of a host that was restarted before they arrived. */
  forgotten = 0;
  /** A connection was lost: what was not acknowledged may come again, from its beginning. */
  repeatsAllowed = false;
  /** Frames of one packet may overtake others. */
  private readonly ordered: boolean;
  private nextExpected = 0;
  /** Numbers from `nextExpected` on that came before their turn. */
  private readonly overtakers = new Set<number>();
  private readonly lengths: number[] = [];
  /** Left the transport's care as plain VXLAN. */
  private readonly plain = new Set<number>();
  /** Frames below may be missing, since their sender forgot them. */
  private forgottenBelow = 0;

  constructor(ordered = true) {
    this.ordered = ordered;
  }

  /** A frame of this length was written; its number. */
  write(length: number): number {
    this.lengths.push(length);
    return this.nextNumber++;
  }

  /** The frame written last could not be offered after all. */
  unwrite(): void {
    this.lengths.pop();
    this.nextNumber--;
  }

  wentPlain(number: number): void {
    this.plain.add(number);
  }

  /** The sender was restarted: what has not arrived yet need not. */
  senderForgot(): void {
    this.forgottenBelow = this.nextNumber;
    this.repeatsAllowed = true;
  }

  receive(region: Region, frames: PieceList): void {
    for (let piece = 0; piece < frames.count; ) {
      const { number, length, pieces } = readFrame(region, frames, piece);
      this.check(number, length);
      piece += pieces;
    }
  }

  /** Frames that must still come. */
  get missing(): number {
    let missing = 0;
    for (let number = this.nextExpected; number < this.nextNumber; number++) {
      if (!this.plain.has(number) && !this.overtakers.has(number) && number >= this.forgottenBelow) missing++;
    }
    return missing;
  }

  private check(number: number, length: number): void {
    if (length !== this.lengths[number]) {
      throw new Error(`frame ${number} has ${length} bytes, was sent with ${this.lengths[number]}`);
    }
    if (number < this.nextExpected || this.overtakers.has(number)) {
      if (!this.repeatsAllowed) throw new Error(`frame ${number} came again`);
      this.repeated++;
      return;
    }
    this.delivered++;
    if (!this.ordered && number !== this.nextExpected) {
      this.overtakers.add(number);
      return;
    }
    while (this.nextExpected < number) this.skip(number);
    this.nextExpected++;
    while (this.overtakers.delete(this.nextExpected)) this.nextExpected++;
  }

  private skip(number: number): void {
    const missing = this.nextExpected++;
    if (this.plain.has(missing)) return;
    if (missing >= this.forgottenBelow) throw new Error(`frame ${number} came in place of ${missing}`);
    this.forgotten++;
  }
}
