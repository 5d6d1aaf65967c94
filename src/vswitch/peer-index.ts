// From the source address of a packet to the peer it came from, without allocating: an IPv4 address is four words like
// an IPv6 one, found by a hash of them.

import { asIpv6, type HostAddress } from '../wire/address.ts';

const WORDS = 4;

export class PeerIndex {
  /** Four words a peer, by its number. */
  private readonly addresses: Uint32Array;
  /** Open addressing, at most half full: peer + 1, or 0. */
  private readonly buckets: Uint32Array;

  constructor(peers: readonly HostAddress[]) {
    this.addresses = Uint32Array.from(peers.flatMap(asIpv6));
    let size = 8;
    while (size < peers.length * 2) size *= 2;
    this.buckets = new Uint32Array(size);
    for (let peer = 0; peer < peers.length; peer++) {
      let at = this.bucket(this.addresses, peer * WORDS);
      while (this.buckets[at] !== 0) at = (at + 1) & (size - 1);
      this.buckets[at] = peer + 1;
    }
  }

  /** The peer whose address is the four words from `from` on, or -1. */
  find(words: Uint32Array, from: number): number {
    const { addresses, buckets } = this;
    for (let at = this.bucket(words, from); buckets[at] !== 0; at = (at + 1) & (buckets.length - 1)) {
      const own = (buckets[at]! - 1) * WORDS;
      if (
        addresses[own + 3] === words[from + 3] &&
        addresses[own + 2] === words[from + 2] &&
        addresses[own + 1] === words[from + 1] &&
        addresses[own] === words[from]
      ) {
        return buckets[at]! - 1;
      }
    }
    return -1;
  }

  of(address: HostAddress): number {
    return this.find(Uint32Array.from(asIpv6(address)), 0);
  }

  private bucket(words: Uint32Array, from: number): number {
    const mixed = Math.imul(
      words[from + 3]! ^ Math.imul(words[from]! ^ words[from + 1]!, 31) ^ words[from + 2]!,
      0x9e37_79b1,
    );
    return (mixed >>> 16) & (this.buckets.length - 1);
  }
}
