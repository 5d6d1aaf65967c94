// Which row belongs to an address: a hash table in typed arrays that allocates nothing to look one up. Rows that were
// removed are given out again.

import { asIpv6, type HostAddress, type Ipv6Address } from '../../wire/address.ts';

const FIRST_ROWS = 16;
const NONE = -1;
/** Where a row was removed: the search goes on behind it. */
const GONE = -2;

export class AddressTable {
  /** Of rows that are, in any order. */
  readonly rows: Set<number> = new Set();
  private words = new Uint32Array(4 * FIRST_ROWS);
  private buckets = new Int32Array(4 * FIRST_ROWS).fill(NONE);
  private readonly free: number[] = [];
  /** Rows ever given out, and buckets that are not empty. */
  private top = 0;
  private filled = 0;

  /** Of the columns that belong to the rows. */
  get capacity(): number {
    return this.words.length / 4;
  }

  get size(): number {
    return this.rows.size;
  }

  /** The row of an address, or -1. */
  find(address: HostAddress): number {
    const bucket = this.bucketOf(address);
    return bucket < 0 ? NONE : this.buckets[bucket]!;
  }

  /** A row for an address that has none. */
  add(address: HostAddress): number {
    const row = this.free.pop() ?? this.top++;
    if (row >= this.capacity) this.growRows();
    if ((this.filled + 1) * 2 > this.buckets.length) this.rehash();
    this.words.set(asIpv6(address), 4 * row);
    this.insert(row);
    this.rows.add(row);
    return row;
  }

  remove(row: number): void {
    const bucket = this.bucketOf(this.addressOf(row));
    this.buckets[bucket] = GONE;
    this.rows.delete(row);
    this.free.push(row);
  }

  addressOf(row: number): Ipv6Address {
    const { words } = this;
    return [words[4 * row]!, words[4 * row + 1]!, words[4 * row + 2]!, words[4 * row + 3]!];
  }

  /** The address as it is for a socket: a mapped one as the number that it is. */
  hostAddressOf(row: number): HostAddress {
    const { words } = this;
    const isIpv4 = words[4 * row] === 0 && words[4 * row + 1] === 0 && words[4 * row + 2] === 0xffff;
    return isIpv4 ? words[4 * row + 3]! : this.addressOf(row);
  }

  private bucketOf(address: HostAddress): number {
    const isIpv4 = typeof address === 'number';
    const a = isIpv4 ? 0 : address[0];
    const b = isIpv4 ? 0 : address[1];
    const c = isIpv4 ? 0xffff : address[2];
    const d = isIpv4 ? address : address[3];
    const { buckets, words } = this;
    const mask = buckets.length - 1;
    for (let bucket = mix(a, b, c, d) & mask; ; bucket = (bucket + 1) & mask) {
      const row = buckets[bucket]!;
      if (row === NONE) return NONE;
      if (row === GONE) continue;
      const at = 4 * row;
      if (words[at + 3] === d && words[at + 2] === c && words[at + 1] === b && words[at] === a) return bucket;
    }
  }

  private insert(row: number): void {
    const { buckets, words } = this;
    const mask = buckets.length - 1;
    const at = 4 * row;
    let bucket = mix(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!) & mask;
    while (buckets[bucket]! >= 0) bucket = (bucket + 1) & mask;
    if (buckets[bucket] === NONE) this.filled++;
    buckets[bucket] = row;
  }

  private growRows(): void {
    const words = new Uint32Array(this.words.length * 2);
    words.set(this.words);
    this.words = words;
  }

  private rehash(): void {
    const wanted = Math.max(4 * this.rows.size + 4, this.buckets.length);
    this.buckets = new Int32Array(2 ** Math.ceil(Math.log2(wanted))).fill(NONE);
    this.filled = 0;
    for (const row of this.rows) this.insert(row);
  }
}

function mix(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a ^ (b << 7), 0xcc9e2d51) ^ Math.imul(c, 0x1b873593) ^ d;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
