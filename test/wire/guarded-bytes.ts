// Bytes that throw when anything outside of [from, to) is read or written, for the promise of every parser that it
// stays within what it was given.

import type { Bytes } from '../../src/base/bytes.ts';

class GuardedView extends DataView<ArrayBuffer> {
  private readonly from: number;
  private readonly to: number;

  constructor(u8: Uint8Array, from: number, to: number) {
    super(u8.buffer as ArrayBuffer, u8.byteOffset, u8.byteLength);
    this.from = from;
    this.to = to;
  }

  private check(at: number, size: number): void {
    if (at < this.from || at + size > this.to) {
      throw new Error(`touched [${at}, ${at + size}), allowed is [${this.from}, ${this.to})`);
    }
  }

  override getUint8(at: number): number {
    this.check(at, 1);
    return super.getUint8(at);
  }
  override getUint16(at: number, littleEndian?: boolean): number {
    this.check(at, 2);
    return super.getUint16(at, littleEndian);
  }
  override getUint32(at: number, littleEndian?: boolean): number {
    this.check(at, 4);
    return super.getUint32(at, littleEndian);
  }
  override getInt32(at: number, littleEndian?: boolean): number {
    this.check(at, 4);
    return super.getInt32(at, littleEndian);
  }
  override setUint8(at: number, value: number): void {
    this.check(at, 1);
    super.setUint8(at, value);
  }
  override setUint16(at: number, value: number, littleEndian?: boolean): void {
    this.check(at, 2);
    super.setUint16(at, value, littleEndian);
  }
  override setUint32(at: number, value: number, littleEndian?: boolean): void {
    this.check(at, 4);
    super.setUint32(at, value, littleEndian);
  }
  override setInt32(at: number, value: number, littleEndian?: boolean): void {
    this.check(at, 4);
    super.setInt32(at, value, littleEndian);
  }
}

/** Slices and copies are checked, too; single octets through `u8[i]` are refused, as nothing in wire uses them. */
function guardedOctets(u8: Uint8Array, from: number, to: number): Uint8Array {
  const check = (start: number, end: number) => {
    if (start < from || end > to) throw new Error(`touched [${start}, ${end}), allowed is [${from}, ${to})`);
  };
  const allowed: Record<string, unknown> = {
    slice: (start: number, end: number) => {
      check(start, end);
      return u8.slice(start, end);
    },
    set: (source: Uint8Array, at: number) => {
      check(at, at + source.length);
      u8.set(source, at);
    },
  };
  return new Proxy(u8, {
    get(_, key) {
      const method = allowed[String(key)];
      if (method === undefined) throw new Error(`u8.${String(key)} is not guarded`);
      return method;
    },
  });
}

export function guardedBytes(u8: Uint8Array, from: number, to: number): Bytes {
  return { u8: guardedOctets(u8, from, to), view: new GuardedView(u8, from, to) };
}
