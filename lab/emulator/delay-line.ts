// One direction of an emulated link in virtual time: a drop-tail queue, a transmitter of some rate, and a wire of
// some delay. Holds the order and the times of frames; their bytes are the caller's, in the slot of the same number.
// Always: frames come out in the order they went in, and offered = delivered + dropped + held.
export interface LinkParameters {
  readonly delayMicros: number;
  /** Infinity: frames take no time to send. */
  readonly rateBitsPerSecond: number;
  /** Frames that may wait for the transmitter, the one being sent included. */
  readonly queuePackets: number;
}

export class DelayLine {
  offered = 0;
  delivered = 0;
  dropped = 0;
  private parameters: LinkParameters;
  private readonly sentAt: Float64Array;
  private readonly dueAt: Float64Array;
  // Counters of frames that went in, left the transmitter and came out; a frame's slot is its number modulo slots.
  private taken = 0;
  private sent = 0;
  private out = 0;
  private busyUntil = 0;

  constructor(slots: number, parameters: LinkParameters) {
    this.sentAt = new Float64Array(slots);
    this.dueAt = new Float64Array(slots);
    this.parameters = parameters;
  }

  /** Frames taken from now on are held to these; those on their way keep their order. */
  configure(parameters: LinkParameters): void {
    this.parameters = parameters;
  }

  get held(): number {
    return this.taken - this.out;
  }

  /** The slot for the next frame's bytes, to be filled before `offer`; -1 when every slot is held. */
  get freeSlot(): number {
    return this.held < this.dueAt.length ? this.taken % this.dueAt.length : -1;
  }

  /** The frame in the free slot (of that length on the wire) arrives; false when the queue is full: it is dropped. */
  offer(nowMicros: number, bytes: number): boolean {
    const { delayMicros, rateBitsPerSecond, queuePackets } = this.parameters;
    this.offered++;
    while (this.sent < this.taken && this.sentAt[this.sent % this.sentAt.length]! <= nowMicros) this.sent++;
    if (this.taken - this.sent >= queuePackets || this.freeSlot < 0) {
      this.dropped++;
      return false;
    }
    this.busyUntil = Math.max(nowMicros, this.busyUntil) + (bytes * 8e6) / rateBitsPerSecond;
    const slot = this.freeSlot;
    const before = this.held === 0 ? 0 : this.dueAt[(this.taken - 1) % this.dueAt.length]!;
    this.sentAt[slot] = this.busyUntil;
    this.dueAt[slot] = Math.max(before, this.busyUntil + delayMicros);
    this.taken++;
    return true;
  }

  /** When the next frame comes out; Infinity when none is held. */
  get nextDue(): number {
    return this.held === 0 ? Number.POSITIVE_INFINITY : this.dueAt[this.out % this.dueAt.length]!;
  }

  /** The slot of a frame that is due; -1 when none is. Its bytes are good until the next `offer`. */
  take(nowMicros: number): number {
    if (this.nextDue > nowMicros) return -1;
    this.delivered++;
    return this.out++ % this.dueAt.length;
  }
}
