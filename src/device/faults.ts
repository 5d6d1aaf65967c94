// Middleware that does to what a device receives what a bad network would: loses, duplicates, corrupts, and changes
// the order, as its rates and its Rng say. Nothing is delayed: a packet changes places with the next one of the same
// call. Wrap both ends for faults in both directions. What is sent is left alone, since its bytes are still needed; but
// a vNIC may refuse to take it, as one does whose tenant is slow.

import { below, chance, type Rng } from '../base/rng.ts';
import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import { type Inbox, RUN_WORDS } from '../packet/inbox.ts';
import type { Outbox } from '../packet/outbox.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, type PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';

/** Probabilities from 0 to 1, for each frame or packet. */
export interface FaultRates {
  readonly lossRate: number;
  readonly duplicationRate: number;
  readonly corruptionRate: number;
  readonly reorderRate: number;
  /** Of frames written to a vNIC: the device takes nothing more in this call. */
  readonly refusalRate?: number;
}

export interface FaultCounters {
  lost: number;
  duplicated: number;
  corrupted: number;
  reordered: number;
  refused: number;
}

const MAX_FLIPS = 4;

/** What both kinds of device have in common. */
class Faults {
  readonly counters: FaultCounters = { lost: 0, duplicated: 0, corrupted: 0, reordered: 0, refused: 0 };
  private readonly region: Region;
  private readonly rng: Rng;
  private readonly rates: FaultRates;

  constructor(region: Region, rng: Rng, rates: FaultRates) {
    this.region = region;
    this.rng = rng;
    this.rates = rates;
  }

  loses(): boolean {
    return this.happens('lost', this.rates.lossRate);
  }

  duplicates(): boolean {
    return this.happens('duplicated', this.rates.duplicationRate);
  }

  reorders(): boolean {
    return this.happens('reordered', this.rates.reorderRate);
  }

  refuses(): boolean {
    return this.happens('refused', this.rates.refusalRate ?? 0);
  }

  /** Flips a few bits of a range, or none. */
  maybeCorrupt(at: number, length: number): void {
    if (length === 0 || !this.happens('corrupted', this.rates.corruptionRate)) return;
    const { u8 } = this.region.bytes;
    for (let flips = 1 + below(this.rng, MAX_FLIPS); flips > 0; flips--) {
      u8[at + below(this.rng, length)]! ^= 1 << below(this.rng, 8);
    }
  }

  private happens(what: keyof FaultCounters, rate: number): boolean {
    if (!chance(this.rng, rate)) return false;
    this.counters[what]++;
    return true;
  }
}

export class FaultyVnic implements FrameDevice {
  private readonly inner: FrameDevice;
  private readonly region: Region;
  private readonly faults: Faults;

  constructor(inner: FrameDevice, region: Region, rng: Rng, rates: FaultRates) {
    this.inner = inner;
    this.region = region;
    this.faults = new Faults(region, rng, rates);
  }

  get counters(): Readonly<FaultCounters> {
    return this.faults.counters;
  }

  get dropped(): number {
    return this.inner.dropped + this.counters.lost;
  }

  rx(out: PieceList): number {
    const first = out.count;
    let before: number;
    let read: number;
    do {
      before = out.count;
      read = this.inner.rx(out);
      this.damage(out, before);
    } while (read > 0 && out.count < out.capacity);
    return out.count - first;
  }

  tx(frames: PieceList, from: number): number {
    const end = frames.count;
    frames.count = this.refusedFrom(frames, from);
    const taken = this.inner.tx(frames, from);
    frames.count = end;
    return taken;
  }

  /** The first piece of the first frame that is refused; the end when none is. */
  private refusedFrom({ words, count }: PieceList, from: number): number {
    let start = from;
    while (start < count && !this.faults.refuses()) {
      while (words[start * 2 + 1]! < PIECE_LAST) start++;
      start++;
    }
    return start;
  }

  private damage(frames: PieceList, from: number): void {
    const { faults, region } = this;
    const { words } = frames;
    const end = frames.count;
    frames.count = from;
    for (let i = from; i < end; i++) {
      const offset = words[i * 2]!;
      const length = words[i * 2 + 1]!;
      if (faults.loses()) {
        region.release(offset);
        continue;
      }
      faults.maybeCorrupt(offset, length & PIECE_LENGTH_MASK);
      frames.push(offset, length);
    }
    const left = frames.count;
    for (let i = from; i + 1 < left; i++) if (faults.reorders()) swap(words, i * 2, (i + 1) * 2, 2);
    for (let i = from; i < left && frames.count < frames.capacity; i++) {
      if (!faults.duplicates()) continue;
      region.retain(words[i * 2]!, 1);
      frames.push(words[i * 2]!, words[i * 2 + 1]!);
    }
  }
}

export class FaultyUnderlay implements UnderlayDevice {
  private readonly inner: UnderlayDevice;
  private readonly region: Region;
  private readonly faults: Faults;

  constructor(inner: UnderlayDevice, region: Region, rng: Rng, rates: FaultRates) {
    this.inner = inner;
    this.region = region;
    this.faults = new Faults(region, rng, rates);
  }

  get counters(): Readonly<FaultCounters> {
    return this.faults.counters;
  }

  get dropped(): number {
    return this.inner.dropped + this.counters.lost;
  }

  rx(inbox: Inbox): boolean {
    let before: number;
    let drained: boolean;
    let read: number;
    do {
      before = inbox.count;
      drained = this.inner.rx(inbox);
      read = inbox.count - before;
      this.damage(inbox, before);
    } while (!drained && read > 0 && inbox.count < inbox.capacity);
    return drained;
  }

  tx(outbox: Outbox): void {
    this.inner.tx(outbox);
  }

  bindSlot(peer: number, slot: number, candidate: number): void {
    this.inner.bindSlot(peer, slot, candidate);
  }

  hasPort(candidate: number): boolean {
    return this.inner.hasPort(candidate);
  }

  private damage(inbox: Inbox, from: number): void {
    const { runs, arrivedMicros } = inbox;
    const end = inbox.count;
    inbox.count = from;
    for (let run = from; run < end; run++) {
      const [offset, length, size] = runs.subarray(run * RUN_WORDS) as unknown as [number, number, number];
      const left = this.damageRun(offset, length, size);
      if (left === 0) this.region.release(offset);
      else inbox.pushLike(run, offset, left, size);
    }
    const left = inbox.count;
    for (let run = from; run + 1 < left; run++) {
      if (!this.faults.reorders()) continue;
      swap(runs, run * RUN_WORDS, (run + 1) * RUN_WORDS, RUN_WORDS);
      swap(arrivedMicros, run, run + 1, 1);
    }
    for (let run = from; run < left; run++) this.duplicate(inbox, run);
  }

  /** Damages the datagrams of a run where they lie; bytes left. */
  private damageRun(offset: number, length: number, size: number): number {
    const { faults } = this;
    const { u8 } = this.region.bytes;
    let end = offset + length;
    for (let at = offset; at < end; ) {
      const next = Math.min(at + size, end);
      if (faults.loses()) {
        u8.copyWithin(at, next, end);
        end -= next - at;
        continue;
      }
      faults.maybeCorrupt(at, next - at);
      at = next;
    }
    // Only datagrams of one size can change places within a run.
    for (let at = offset; at + 2 * size <= end; at += size) {
      if (faults.reorders()) swap(u8, at, at + size, size);
    }
    return end - offset;
  }

  /** Adds datagrams of a run a second time, each as a run of its own behind all others. */
  private duplicate(inbox: Inbox, run: number): void {
    const { runs } = inbox;
    const words = run * RUN_WORDS;
    const end = runs[words]! + runs[words + 1]!;
    const size = runs[words + 2]!;
    for (let at = runs[words]!; at < end && inbox.count < inbox.capacity; at += size) {
      if (!this.faults.duplicates()) continue;
      const length = Math.min(size, end - at);
      this.region.retain(at, 1);
      inbox.pushLike(run, at, length, length);
    }
  }
}

function swap(array: Uint8Array | Uint32Array | Float64Array, a: number, b: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const kept = array[a + i]!;
    array[a + i] = array[b + i]!;
    array[b + i] = kept;
  }
}
