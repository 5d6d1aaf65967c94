// What data threads hand each other: packets that the kernel gave to another thread than the one they are for
// (BIFROST §5.2), and frames for native endpoints, which one thread alone can write to. Each has a ring from every other,
// which it reads before its own socket, and a bell that wakes it. A copy is what they cost.

import type { Siblings, UnderlayDevice } from '../packet/device.ts';
import { type Inbox, RUN_HOPS, RUN_SOURCE, RUN_WORDS } from '../packet/inbox.ts';
import type { Outbox } from '../packet/outbox.ts';
import type { PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import type { ChunkWriter } from '../packet/writer.ts';
import { IS_FRAME, newPacketRing, PacketRing } from './packet-ring.ts';

/** Memory that the data threads of a host share. */
export interface HandoverMemory {
  /** `rings[from][to]`. */
  readonly rings: readonly (readonly SharedArrayBuffer[])[];
  /** A word a thread: 1 while its bell has been rung and not heard. */
  readonly rung: SharedArrayBuffer;
}

export function newHandoverMemory(threads: number, ringBytes?: number): HandoverMemory {
  const each = Array.from({ length: threads });
  return {
    rings: each.map((_, from) =>
      each.map((_, to) => (from === to ? new SharedArrayBuffer(0) : newPacketRing(ringBytes))),
    ),
    rung: new SharedArrayBuffer(threads * Int32Array.BYTES_PER_ELEMENT),
  };
}

/** Wakes threads; each hears its own bell. */
export interface Bells {
  ring(thread: number): void;
  /** This thread has heard its own. */
  heard(): void;
}

export interface HandoverOptions {
  readonly threadId: number;
  readonly memory: HandoverMemory;
  readonly bells: Bells;
  readonly region: Region;
  /** Where packets from other threads are put. */
  readonly writer: ChunkWriter;
  /** Microseconds to add to this thread's clock, for one that all threads share. */
  readonly clockOffset: number;
}

/** A thread's underlay with what others hand over, and its way to them. */
export class Handover implements UnderlayDevice, Siblings {
  private readonly inner: UnderlayDevice;
  private readonly self: number;
  private readonly outgoing: readonly (PacketRing | undefined)[];
  private readonly incoming: readonly PacketRing[];
  private readonly rung: Int32Array;
  private readonly bells: Bells;
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly clockOffset: number;

  constructor(inner: UnderlayDevice, options: HandoverOptions) {
    const { threadId: self, memory, bells, region, writer, clockOffset } = options;
    this.inner = inner;
    this.self = self;
    this.outgoing = memory.rings[self]!.map((ring, to) => (to === self ? undefined : new PacketRing(ring)));
    this.incoming = memory.rings.flatMap((to, from) => (from === self ? [] : [new PacketRing(to[self]!)]));
    this.rung = new Int32Array(memory.rung);
    this.bells = bells;
    this.region = region;
    this.writer = writer;
    this.clockOffset = clockOffset;
  }

  get dropped(): number {
    return this.inner.dropped;
  }

  handOver(thread: number, inbox: Inbox, run: number, at: number, length: number): boolean {
    const { runs, arrivedMicros } = inbox;
    const words = run * RUN_WORDS;
    const arrived = arrivedMicros[run]! + this.clockOffset;
    const hops = runs[words + RUN_HOPS]!;
    const ring = this.outgoing[thread];
    if (ring?.push(this.region, at, length, hops, arrived, runs, words + RUN_SOURCE) !== true) return false;
    this.ring(thread);
    return true;
  }

  /** Gives `thread` a copy of the frame of pieces `start` to `end` for a port of its; false when there is no room. */
  handFrame(thread: number, port: number, frames: PieceList, start: number, end: number): boolean {
    if (this.outgoing[thread]?.pushFrame(this.region, frames, start, end, port) !== true) return false;
    this.ring(thread);
    return true;
  }

  rx(inbox: Inbox): boolean {
    // What came another way is older than what waits in the socket.
    const empty = Atomics.load(this.rung, this.self) === 0 || this.takeAll(inbox);
    return this.inner.rx(inbox) && empty;
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

  private ring(thread: number): void {
    if (Atomics.exchange(this.rung, thread, 1) === 0) this.bells.ring(thread);
  }

  /** True when nothing is left in any ring; else the bell rings again. */
  private takeAll(inbox: Inbox): boolean {
    this.bells.heard();
    // Before looking: who pushes from now on rings again.
    Atomics.store(this.rung, this.self, 0);
    let empty = true;
    for (let i = 0; i < this.incoming.length; i++) empty = this.takeFrom(this.incoming[i]!, inbox) && empty;
    if (!empty) this.ring(this.self);
    return empty;
  }

  /** True when nothing is left in it. */
  private takeFrom(ring: PacketRing, inbox: Inbox): boolean {
    const { region, writer } = this;
    while (ring.front()) {
      if (inbox.count === inbox.capacity) return false;
      const { length, hops, arrivedMicros, words, sourceAt } = ring;
      const at = writer.room(length);
      if (at === 0) return false;
      inbox.push(at, length, length, hops, arrivedMicros - this.clockOffset);
      if (hops === IS_FRAME) inbox.frameFor(words[sourceAt]!);
      else inbox.handedOver(words, sourceAt);
      ring.take(region, at);
      writer.commit(length);
      region.retain(at, 1);
    }
    return true;
  }
}
