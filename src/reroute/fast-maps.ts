// The packet path's copy of the fast table, in the maps of the kernel's half: what the core says of its table is written
// there, and what the packet path saw is read: which ports of which destinations carry traffic, destinations that are not
// in the table, and packets of the protocol. States are stored and activity is read without a system call.
//
// After a takeover the predecessor's entries stay in force until the core has an entry for the same destination, or for
// INHERITANCE_MICROS; the two write different halves of the states array.

import type { Bytes } from '../base/bytes.ts';
import { putElement, readElements, removeElement } from '../linux/bpf/map-elements.ts';
import type { ArrivedPacket } from '../paths/reroute/core.ts';
import { ELEMENT_BYTES, type FastEntry, UNIT_BYTES } from '../paths/reroute/fast-select.ts';
import type { FastTableHolder } from '../paths/reroute/fast-table.ts';
import type { HostAddress, Ipv6Address } from '../wire/address.ts';
import { readAddress, unmapped, writeAddress } from './addresses.ts';
import { FrontLines } from './front-lines.ts';
import type { KernelHalf } from './kernel-half.ts';
import { ADDRESS_BYTES, activity as act, entry as at, HEARD_PACKET, heard } from './layout.ts';

/** What the packet path tells. */
export interface PacketPathObserver {
  /**
   * Tenants' packets left for `destination` by this source port of the table; 0 when the kernel's own was left. Told once
   * a look for each port in use, and about once a second for a destination that is not in the table.
   */
  used(destination: HostAddress, sourcePort: number): void;
  /** The packet's bytes are gone when this returns. Times are those of CLOCK_MONOTONIC. */
  arrived(packet: ArrivedPacket): void;
}

const INHERITANCE_MICROS = 60e6;
const UNITS_AN_ELEMENT = ELEMENT_BYTES / UNIT_BYTES;

interface Held {
  readonly destination: HostAddress;
  readonly key: Uint8Array;
  readonly base: number;
  /** Where its activity is marked: in words of its line at the front, or of the array. */
  readonly marks: Int32Array;
  readonly word: number;
  readonly isInherited: boolean;
  lastTick: number;
}

export class FastMaps implements FastTableHolder {
  /** Entries for which the maps had no room. */
  refused = 0;
  private readonly kernel: KernelHalf;
  private readonly held = new Map<string, Held>();
  private readonly front: FrontLines;
  private readonly frontMarks: Int32Array;
  private readonly firstElement: number;
  private readonly value = new DataView(new ArrayBuffer(at.bytes));
  private readonly heardBytes: Bytes;
  private readonly sinceNanos: number;
  private inheritedUntilMicros: number;

  /** `nowMicros` as in all else: CLOCK_MONOTONIC. */
  constructor(kernel: KernelHalf, nowMicros: number) {
    this.kernel = kernel;
    this.front = new FrontLines(kernel.front);
    this.frontMarks = new Int32Array(kernel.front);
    this.firstElement = kernel.settings.half * kernel.maxElements;
    const { buffer, byteOffset, byteLength } = kernel.heard.u32;
    this.heardBytes = {
      u8: new Uint8Array(buffer, byteOffset, byteLength),
      view: new DataView(buffer, byteOffset, byteLength),
    };
    this.sinceNanos = nowMicros * 1000;
    this.inheritedUntilMicros = nowMicros + INHERITANCE_MICROS;
    this.inherit();
    this.clearStates();
    kernel.settings.beat();
  }

  // What the core says of its table (FastTable.drain).

  remove(destination: Ipv6Address): void {
    this.forget(keyOf(destination));
  }

  store(element: number, low: number, high: number): void {
    if (element >= this.kernel.maxElements) return;
    const word = 2 * (this.firstElement + element);
    this.kernel.states[word] = low;
    this.kernel.states[word + 1] = high;
  }

  place(destination: Ipv6Address, entry: FastEntry): void {
    const { kernel, front, value } = this;
    const key = keyOf(destination);
    const unit = entry.unit + this.firstElement * UNITS_AN_ELEMENT;
    this.writeValue(entry, unit);
    // In one step: a packet meets the old entry or the new one.
    if (!putElement(kernel.pathsFd, key, new Uint8Array(value.buffer))) {
      this.refused++;
      return;
    }
    const array = unit * act.words;
    kernel.activity.fill(0, array, array + act.words);
    const line = front.write(key, value.getBigInt64(0, true));
    const [marks, word] = line === undefined ? [kernel.activity, array] : [this.frontMarks, line];
    const base = entry.basePort;
    this.hold({ destination: unmapped(destination), key, base, marks, word, isInherited: false });
  }

  // What the packet path saw.

  /** To be called often enough that the programs do not take us for dead (`staleMicros`). */
  beat(nowMicros: number): void {
    this.kernel.settings.beat();
    if (nowMicros < this.inheritedUntilMicros) return;
    this.inheritedUntilMicros = Number.POSITIVE_INFINITY;
    for (const { isInherited, key } of this.held.values()) if (isInherited) this.forget(key);
  }

  /** What was used since the last look. */
  lookAtActivity(used: PacketPathObserver['used']): void {
    for (const held of this.held.values()) {
      const { destination, base, marks, word } = held;
      if (marks[word + act.lastTick] === held.lastTick) continue;
      held.lastTick = marks[word + act.lastTick]!;
      const low = Atomics.exchange(marks, word + act.usedLow, 0);
      const high = Atomics.exchange(marks, word + act.usedHigh, 0);
      for (let bits = low; bits !== 0; bits &= bits - 1) used(destination, base + lowestBit(bits));
      for (let bits = high; bits !== 0; bits &= bits - 1) used(destination, base + 32 + lowestBit(bits));
      if (low === 0 && high === 0) used(destination, 0);
    }
  }

  /** Index of the device that packets to it left by of late; 0 when none did, or it is not in the table. */
  deviceTo(destination: HostAddress): number {
    const held = this.held.get(nameOf(keyOf(destination)));
    return held === undefined ? 0 : held.marks[held.word + act.device]!;
  }

  /** Takes what was heard since; its descriptor is `KernelHalf.heardFd`. */
  listen(observer: PacketPathObserver): void {
    this.kernel.heard.drain((word) => this.hear(word * 4, observer));
  }

  private hear(offset: number, observer: PacketPathObserver): void {
    const { view } = this.heardBytes;
    const nanos =
      view.getUint32(offset + heard.nanosAt, true) +
      view.getUint32(offset + heard.nanosAt + 4, true) * 0x1_0000_0000;
    // Of before a takeover.
    if (nanos < this.sinceNanos) return;
    const source = readAddress(view, offset + heard.sourceAt);
    if (view.getUint32(offset + heard.kindAt, true) !== HEARD_PACKET) {
      observer.used(readAddress(view, offset + heard.destinationAt), 0);
      return;
    }
    observer.arrived({
      source,
      sourcePort: view.getUint16(offset + heard.sourcePortAt, true),
      hopLimit: view.getUint8(offset + heard.hopsAt),
      bytes: this.heardBytes,
      at: offset + heard.payloadAt,
      length: view.getUint32(offset + heard.lengthAt, true),
      receivedMicros: nanos / 1000,
    });
  }

  private inherit(): void {
    const { kernel } = this;
    for (const { key, value } of readElements(kernel.pathsFd, ADDRESS_BYTES, at.bytes)) {
      const view = new DataView(value.buffer, value.byteOffset);
      const unit = view.getUint32(at.unitAt, true);
      const element = Math.floor(unit / UNITS_AN_ELEMENT);
      const isOurs = element >= this.firstElement && element < this.firstElement + kernel.maxElements;
      if (!kernel.hasTakenOver || isOurs) {
        this.forget(key);
        continue;
      }
      const destination = readAddress(new DataView(key.buffer, key.byteOffset), 0);
      const base = view.getUint16(at.baseAt, true);
      const line = this.front.find(key);
      const [marks, word] =
        line === undefined ? [kernel.activity, unit * act.words] : [this.frontMarks, line];
      this.hold({ destination, key, base, marks, word, isInherited: true });
    }
  }

  private clearStates(): void {
    const { states, maxElements } = this.kernel;
    states.fill(0, 2 * this.firstElement, 2 * (this.firstElement + maxElements));
  }

  private hold(held: Omit<Held, 'lastTick'>): void {
    this.held.set(nameOf(held.key), { ...held, lastTick: 0 });
  }

  private forget(key: Uint8Array): void {
    this.front.remove(key);
    removeElement(this.kernel.pathsFd, key);
    this.held.delete(nameOf(key));
  }

  private writeValue({ form, homes, basePort }: FastEntry, unit: number): void {
    const { value } = this;
    value.setUint32(at.unitAt, unit, true);
    value.setUint8(at.formAt, form);
    value.setUint8(at.homesAt, homes);
    value.setUint16(at.baseAt, basePort, true);
  }
}

function keyOf(destination: HostAddress): Uint8Array {
  const key = new Uint8Array(ADDRESS_BYTES);
  writeAddress(new DataView(key.buffer), 0, destination);
  return key;
}

function nameOf(key: Uint8Array): string {
  return key.join('.');
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
