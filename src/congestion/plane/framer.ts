// Cuts a stream of bytes into messages by the length in their headers (layout.ts). A length that no message has ends it:
// nobody knows where the next one would begin.

import { HEADER_BYTES } from './layout.ts';
import { MAX_MESSAGE_BYTES } from './message-ring.ts';

export class Framer {
  private readonly pending = new Uint8Array(MAX_MESSAGE_BYTES);
  private length = 0;

  /** Hands on the messages that are complete now, each good during the call; false when the stream makes no sense. */
  take(bytes: Uint8Array, hand: (message: Uint8Array, length: number) => void): boolean {
    const { pending } = this;
    for (let at = 0; at < bytes.length; ) {
      const wanted = this.wanted();
      if (wanted < HEADER_BYTES || wanted > MAX_MESSAGE_BYTES) return false;
      const count = Math.min(wanted - this.length, bytes.length - at);
      pending.set(bytes.subarray(at, at + count), this.length);
      at += count;
      this.length += count;
      if (this.length < HEADER_BYTES || this.length < this.wanted()) continue;
      const { length } = this;
      if (length !== this.wanted()) return false;
      this.length = 0;
      hand(pending, length);
    }
    return true;
  }

  /** The header first, then what it says. */
  private wanted(): number {
    if (this.length < HEADER_BYTES) return HEADER_BYTES;
    return this.pending[2]! | (this.pending[3]! << 8);
  }
}
