// What peers say that they received of our last 512 requests each. Every answer says it of 65, so that answers that are lost
// leave no gap in what is known.

import { isReceived } from '../../wire/zooroute.ts';

const WORDS = 16;
const SEQUENCES = WORDS * 32;
/** The newest, and those before it. */
const TOLD = 65;

export class Receipts {
  private words = new Uint32Array(16 * WORDS);

  /** A request is sent: what was known of the one 512 before it is not of this one. */
  onSent(peer: number, sequence: number): void {
    if ((peer + 1) * WORDS > this.words.length) this.grow(peer + 1);
    this.words[indexOf(peer, sequence)]! &= ~(1 << (sequence & 31));
  }

  /**
   * Takes in the receipt at `at` of a peer that was sent so many requests. Returns the newest that it tells of; -1 when it
   * cannot be, because it is invented, or of another process.
   */
  take(peer: number, sent: number, view: DataView, at: number): number {
    const newest = view.getUint32(at);
    if ((sent - 1 - newest) >>> 0 >= SEQUENCES) return -1;
    for (let age = 0; age < TOLD; age++) {
      const sequence = (newest - age) >>> 0;
      if ((sent - 1 - sequence) >>> 0 >= SEQUENCES) break;
      if (isReceived(view, at, sequence)) this.words[indexOf(peer, sequence)]! |= 1 << (sequence & 31);
    }
    return newest;
  }

  /** Of one of the last 512. */
  hasArrived(peer: number, sequence: number): boolean {
    return ((this.words[indexOf(peer, sequence)]! >>> (sequence & 31)) & 1) === 1;
  }

  private grow(peers: number): void {
    const larger = new Uint32Array(Math.max(2 * this.words.length, peers * WORDS));
    larger.set(this.words);
    this.words = larger;
  }
}

function indexOf(peer: number, sequence: number): number {
  return peer * WORDS + ((sequence % SEQUENCES) >>> 5);
}
