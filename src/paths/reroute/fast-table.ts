// PathTable_fast (ZooRoute §3.2, §5.2): what the packet path looks at. The static part, destination → entry, is apart from the
// states, which change often: a plain array. This is the copy that the core writes; whoever holds the packet path's, maps
// of the kernel or a test, is told of the changes by `drain`.
//
// A state's bytes lie at its unit (fast-select.ts). Freed units are used again, so changes are told in an order that lets
// no entry point at another's state: removed, stored, placed.

import type { Ipv6Address } from '../../wire/address.ts';
import {
  ELEMENT_BYTES,
  type FastEntry,
  FORM_BITMAP,
  FORM_STRIDES,
  type Form,
  stateBytes,
  UNIT_BYTES,
  UNUSABLE,
} from './fast-select.ts';

/** The packet path's copy. */
export interface FastTableHolder {
  /** A destination is no longer in the table. */
  remove(destination: Ipv6Address): void;
  /** Element of the states array, its two halves as a little-endian machine reads them. */
  store(element: number, low: number, high: number): void;
  /** A destination is in the table, or by another entry than before. */
  place(destination: Ipv6Address, entry: FastEntry): void;
}

interface Placed {
  readonly destination: Ipv6Address;
  readonly entry: FastEntry;
}

const FIRST_ELEMENTS = 64;

export class FastTable {
  states = new Uint8Array(FIRST_ELEMENTS * ELEMENT_BYTES);
  private readonly maxElements: number;
  private readonly entries = new Map<number, Placed>();
  /** Units that were given back, by the bytes of the state they had room for. */
  private readonly freed = new Map<number, number[]>();
  private usedUnits = 0;
  private readonly removed: Ipv6Address[] = [];
  private readonly placed = new Set<number>();
  private dirty: number[] = [];
  private isDirty = new Uint8Array(FIRST_ELEMENTS);

  constructor(maxElements: number) {
    this.maxElements = maxElements;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Of the states array. */
  get elements(): number {
    return Math.ceil((this.usedUnits * UNIT_BYTES) / ELEMENT_BYTES);
  }

  entryOf(id: number): FastEntry | undefined {
    return this.entries.get(id)?.entry;
  }

  /** An entry in which every flow keeps to its home; false when the table is full. */
  add(id: number, destination: Ipv6Address, form: Form, basePort: number, homes: number): boolean {
    const bytes = stateBytes(form, homes);
    const unit = this.allocate(bytes);
    if (unit < 0) return false;
    this.entries.set(id, { destination, entry: { form, basePort, homes, unit } });
    this.placed.add(id);
    const at = unit * UNIT_BYTES;
    this.states.fill(0, at, at + bytes);
    if (form === FORM_BITMAP) this.states.fill(0xff, at, at + homes / 8);
    for (let i = at; i < at + bytes; i += UNIT_BYTES) this.touch(i);
    return true;
  }

  remove(id: number): void {
    const found = this.entries.get(id);
    if (found === undefined) return;
    this.entries.delete(id);
    // One that nobody was told of needs no removal.
    if (!this.placed.delete(id)) this.removed.push(found.destination);
    const { form, homes, unit } = found.entry;
    this.freedOf(stateBytes(form, homes)).push(unit);
  }

  /** Which ports may be used, of a bitmap; true when that is another set than before. */
  setBitmap(id: number, low: number, high: number): boolean {
    const { unit } = this.entries.get(id)!.entry;
    const isFirst = this.setWord(unit, low);
    return this.setWord(unit + 1, high) || isFirst;
  }

  /** A byte of the other forms; true when it was another. */
  setByte(id: number, index: number, byte: number): boolean {
    const at = this.entries.get(id)!.entry.unit * UNIT_BYTES + index;
    if (this.states[at] === byte) return false;
    this.states[at] = byte;
    this.touch(at);
    return true;
  }

  byteOf(id: number, index: number): number {
    return this.states[this.entries.get(id)!.entry.unit * UNIT_BYTES + index]!;
  }

  /** The bytes of an entry's state; none when there is no entry. */
  bytesOf(id: number): readonly number[] {
    const entry = this.entries.get(id)?.entry;
    if (entry === undefined) return [];
    const at = entry.unit * UNIT_BYTES;
    return [...this.states.subarray(at, at + stateBytes(entry.form, entry.homes))];
  }

  /** Writes all bytes of an entry's state; false when they are too many or too few. */
  setBytes(id: number, bytes: readonly number[]): boolean {
    const { form, homes, unit } = this.entries.get(id)!.entry;
    if (bytes.length !== stateBytes(form, homes)) return false;
    this.states.set(bytes, unit * UNIT_BYTES);
    for (let i = 0; i < bytes.length; i += UNIT_BYTES) this.touch(unit * UNIT_BYTES + i);
    return true;
  }

  /** True when some flow of this entry may use the port. */
  uses(id: number, port: number): boolean {
    const { form, homes, unit } = this.entries.get(id)!.entry;
    const at = unit * UNIT_BYTES;
    if (form === FORM_BITMAP) return ((this.states[at + (port >> 3)]! >> (port & 7)) & 1) === 1;
    const bytes = stateBytes(form, homes);
    for (let i = 0; i < bytes; i++) if (this.states[at + i] === port + 1) return true;
    const own = form === FORM_STRIDES ? port & (bytes - 1) : port;
    return port < homes && this.states[at + own] === 0;
  }

  /** True when no flow of this entry is told a port. */
  isEmpty(id: number): boolean {
    const { form, homes, unit } = this.entries.get(id)!.entry;
    const none = form === FORM_BITMAP ? 0 : UNUSABLE;
    const at = unit * UNIT_BYTES;
    return this.states.subarray(at, at + stateBytes(form, homes)).every((byte) => byte === none);
  }

  /** Tells what has changed since it was last asked. */
  drain(holder: FastTableHolder): void {
    for (const destination of this.removed) holder.remove(destination);
    this.removed.length = 0;
    this.drainStates((element, low, high) => holder.store(element, low, high));
    for (const id of this.placed) {
      const { destination, entry } = this.entries.get(id)!;
      holder.place(destination, entry);
    }
    this.placed.clear();
  }

  /** Tells everything, to a holder that has nothing. */
  fill(holder: FastTableHolder): void {
    this.removed.length = 0;
    for (let at = 0; at < this.usedUnits * UNIT_BYTES; at += ELEMENT_BYTES) this.touch(at);
    for (const id of this.entries.keys()) this.placed.add(id);
    this.drain(holder);
  }

  private drainStates(store: FastTableHolder['store']): void {
    const view = new DataView(this.states.buffer);
    for (const element of this.dirty) {
      this.isDirty[element] = 0;
      const at = element * ELEMENT_BYTES;
      store(element, view.getUint32(at, true), view.getUint32(at + 4, true));
    }
    this.dirty = [];
  }

  private setWord(unit: number, word: number): boolean {
    const at = unit * UNIT_BYTES;
    const { states } = this;
    const before = states[at]! | (states[at + 1]! << 8) | (states[at + 2]! << 16) | (states[at + 3]! << 24);
    if (before === (word | 0)) return false;
    for (let i = 0; i < UNIT_BYTES; i++) states[at + i] = word >>> (8 * i);
    this.touch(at);
    return true;
  }

  private touch(at: number): void {
    const element = Math.floor(at / ELEMENT_BYTES);
    if (this.isDirty[element] === 1) return;
    this.isDirty[element] = 1;
    this.dirty.push(element);
  }

  /** The first unit of room for so many bytes, or -1. */
  private allocate(bytes: number): number {
    const again = this.freedOf(bytes).pop();
    if (again !== undefined) return again;
    const isWhole = bytes >= ELEMENT_BYTES;
    // What is as long as an element or longer lies within elements; the unit in between serves the short ones.
    if (isWhole && this.usedUnits % 2 === 1) this.freedOf(UNIT_BYTES).push(this.usedUnits++);
    const end = (this.usedUnits + Math.ceil(bytes / UNIT_BYTES)) * UNIT_BYTES;
    if (Math.ceil(end / ELEMENT_BYTES) > this.maxElements) return -1;
    while (end > this.states.length) this.grow();
    const unit = this.usedUnits;
    this.usedUnits = end / UNIT_BYTES;
    return unit;
  }

  private freedOf(bytes: number): number[] {
    const list = this.freed.get(bytes) ?? [];
    this.freed.set(bytes, list);
    return list;
  }

  private grow(): void {
    const larger = new Uint8Array(this.states.length * 2);
    larger.set(this.states);
    this.states = larger;
    const flags = new Uint8Array(larger.length / ELEMENT_BYTES);
    flags.set(this.isDirty);
    this.isDirty = flags;
  }
}
