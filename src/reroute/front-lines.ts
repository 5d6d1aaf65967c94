// Destinations at the front: one line of the cache each, found by the address alone (bpf/reroute-shared.h). A destination has
// its line, or another has it and this one is found by the hash table. A packet meets a line that is written as it was or as
// it will be: the entry is stored last, and whole.

import { ADDRESS_BYTES, front as place } from './layout.ts';

export class FrontLines {
  private readonly bytes: Uint8Array;
  private readonly entries: BigInt64Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.entries = new BigInt64Array(buffer, 0, (place.bytes << place.bits) / 8);
  }

  /** Where the destination's activity is marked from now on, in words; undefined when another has the line. */
  write(key: Uint8Array, entry: bigint): number | undefined {
    const at = this.lineOf(key);
    const isOurs = this.holds(at, key);
    if (!isOurs && this.entryAt(at) !== 0n) return undefined;
    if (!isOurs) this.bytes.set(key, at + place.addressAt);
    this.bytes.fill(0, at + place.activityAt, at + place.bytes);
    Atomics.store(this.entries, (at + place.entryAt) / 8, entry);
    return (at + place.activityAt) / 4;
  }

  /** As `write` says it, of a line that was written before us. */
  find(key: Uint8Array): number | undefined {
    const at = this.lineOf(key);
    return this.entryAt(at) !== 0n && this.holds(at, key) ? (at + place.activityAt) / 4 : undefined;
  }

  remove(key: Uint8Array): void {
    const at = this.lineOf(key);
    if (this.holds(at, key)) Atomics.store(this.entries, (at + place.entryAt) / 8, 0n);
  }

  private entryAt(at: number): bigint {
    return this.entries[(at + place.entryAt) / 8]!;
  }

  private holds(at: number, key: Uint8Array): boolean {
    const from = at + place.addressAt;
    for (let i = 0; i < ADDRESS_BYTES; i++) if (this.bytes[from + i] !== key[i]) return false;
    return true;
  }

  private lineOf(key: Uint8Array): number {
    const view = new DataView(key.buffer, key.byteOffset);
    const word = view.getUint32(0) ^ view.getUint32(4) ^ view.getUint32(8) ^ view.getUint32(12);
    return (Math.imul(word, 0x01000193) >>> (32 - place.bits)) * place.bytes;
  }
}
