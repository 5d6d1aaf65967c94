// The packets that one direction of an emulated link holds: a slot each, from their arrival until they are delivered or
// dropped. A packet's bytes are the caller's, in the slot of the same number. Lists of packets are chains through the
// slots, since a packet is in one list at a time.

export const UNMARKABLE = 0;
export const MARKABLE = 1;
export const MARKED = 2;

export class PacketPool {
  /** Of the Ethernet frame, without its check sequence. */
  readonly bytes: Uint32Array;
  readonly arrivedMicros: Float64Array;
  /** A hash of the flow it belongs to. */
  readonly flow: Uint32Array;
  /** Whether its sender listens to marks, and whether it has one: UNMARKABLE, MARKABLE or MARKED. */
  readonly mark: Uint8Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  private readonly free: Uint32Array;
  private freeSlots: number;

  constructor(slots: number) {
    this.bytes = new Uint32Array(slots);
    this.arrivedMicros = new Float64Array(slots);
    this.flow = new Uint32Array(slots);
    this.mark = new Uint8Array(slots);
    this.next = new Int32Array(slots);
    this.previous = new Int32Array(slots);
    this.free = Uint32Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.freeSlots = slots;
  }

  get held(): number {
    return this.free.length - this.freeSlots;
  }

  /** The slot that `take` will take; -1 when all are held. The one released last: its memory is warm. */
  get freeSlot(): number {
    return this.freeSlots === 0 ? -1 : this.free[this.freeSlots - 1]!;
  }

  take(): void {
    this.freeSlots--;
  }

  release(slot: number): void {
    this.free[this.freeSlots++] = slot;
  }
}

/** Packets in order, with their sum. */
export class PacketList {
  packets = 0;
  bytes = 0;
  private readonly pool: PacketPool;
  private head = -1;
  private tail = -1;

  constructor(pool: PacketPool) {
    this.pool = pool;
  }

  push(slot: number): void {
    const { pool, tail } = this;
    pool.next[slot] = -1;
    pool.previous[slot] = tail;
    if (tail < 0) this.head = slot;
    else pool.next[tail] = slot;
    this.tail = slot;
    this.packets++;
    this.bytes += pool.bytes[slot]!;
  }

  /** The first; -1 when there is none. */
  shift(): number {
    const slot = this.head;
    if (slot < 0) return -1;
    this.head = this.pool.next[slot]!;
    if (this.head < 0) this.tail = -1;
    else this.pool.previous[this.head] = -1;
    return this.removed(slot);
  }

  /** The last; -1 when there is none. */
  pop(): number {
    const slot = this.tail;
    if (slot < 0) return -1;
    this.tail = this.pool.previous[slot]!;
    if (this.tail < 0) this.head = -1;
    else this.pool.next[this.tail] = -1;
    return this.removed(slot);
  }

  private removed(slot: number): number {
    this.packets--;
    this.bytes -= this.pool.bytes[slot]!;
    return slot;
  }
}
