// What sends the packets of a direction in virtual time: at a rate, or when a trace says so. A transmitter takes the next
// packet when it can begin to send it and hands it over with the time at which its last bit is sent, however late it is
// run; nothing may arrive between the time it is run for and the times it was run for before.
import { OPPORTUNITY_BYTES, OpportunitySchedule, type TraceMillis } from './trace.ts';

/** A TUN device's 4 bytes before the packet, where a TAP has 14 of Ethernet: what a trace's bytes count. */
const TRACE_FRAME_SURPLUS = 10;

export interface TransmitterHost {
  /** The next packet that waits; -1 when there is none. */
  nextPacket(nowMicros: number): number;
  bytesOf(slot: number): number;
  sent(slot: number, atMicros: number): void;
}

export interface Transmitter {
  /** Sends what can be sent until now. */
  run(nowMicros: number): void;
  /** The packet of which a part may be sent; -1: none. */
  readonly inService: number;
  /** When it has sent the next packet, at the earliest; Infinity when it has none to send. */
  nextSentMicros(isWaiting: boolean): number;
  /** What a frame takes of the capacity. */
  chargeBytes(frameBytes: number): number;
  /** What it could have sent from its beginning until the time it was run for. */
  capacityBytes(nowMicros: number): number;
}

export class RateTransmitter implements Transmitter {
  inService = -1;
  private readonly host: TransmitterHost;
  private readonly microsPerByte: number;
  private readonly startMicros: number;
  private sentMicros = 0;

  /** Infinity: packets take no time. `inService` is a packet whose sending begins anew. */
  constructor(host: TransmitterHost, bitsPerSecond: number, startMicros: number, inService = -1) {
    this.host = host;
    this.microsPerByte = 8e6 / bitsPerSecond;
    this.startMicros = startMicros;
    if (inService >= 0) this.begin(inService, startMicros);
  }

  run(now: number): void {
    // Whoever is idle begins now: a packet was enqueued this moment, if any.
    let at = now;
    for (;;) {
      if (this.inService >= 0) {
        if (this.sentMicros > now) return;
        at = this.sentMicros;
        const slot = this.inService;
        this.inService = -1;
        this.host.sent(slot, at);
      }
      const next = this.host.nextPacket(at);
      if (next < 0) return;
      this.begin(next, at);
    }
  }

  nextSentMicros(): number {
    return this.inService < 0 ? Number.POSITIVE_INFINITY : this.sentMicros;
  }

  chargeBytes(frameBytes: number): number {
    return frameBytes;
  }

  capacityBytes(now: number): number {
    return this.microsPerByte === 0
      ? Number.POSITIVE_INFINITY
      : (now - this.startMicros) / this.microsPerByte;
  }

  private begin(slot: number, at: number): void {
    this.inService = slot;
    this.sentMicros = at + this.host.bytesOf(slot) * this.microsPerByte;
  }
}

export class TraceTransmitter implements Transmitter {
  inService = -1;
  private readonly host: TransmitterHost;
  private readonly schedule: OpportunitySchedule;
  private opportunities = 0;
  /** Of the packet in service. */
  private bytesLeft = 0;

  constructor(host: TransmitterHost, trace: TraceMillis, startMicros: number, inService = -1) {
    this.host = host;
    this.schedule = new OpportunitySchedule(trace, startMicros);
    if (inService >= 0) this.begin(inService);
  }

  run(now: number): void {
    const { schedule } = this;
    for (let at = schedule.nextMicros; at <= now; at = schedule.nextMicros) {
      schedule.use();
      this.opportunities++;
      if (this.useOpportunity(at)) continue;
      // None waits, nor will until now.
      this.opportunities += schedule.skip(now);
    }
  }

  nextSentMicros(isWaiting: boolean): number {
    return isWaiting ? this.schedule.nextMicros : Number.POSITIVE_INFINITY;
  }

  chargeBytes(frameBytes: number): number {
    return Math.max(1, frameBytes - TRACE_FRAME_SURPLUS);
  }

  capacityBytes(): number {
    return this.opportunities * OPPORTUNITY_BYTES;
  }

  /** As many packets as fit, the last one in part; false when some of it was left over. */
  private useOpportunity(at: number): boolean {
    let room = OPPORTUNITY_BYTES;
    while (room > 0) {
      if (this.inService < 0) {
        const next = this.host.nextPacket(at);
        if (next < 0) return false;
        this.begin(next);
      }
      const part = Math.min(room, this.bytesLeft);
      room -= part;
      this.bytesLeft -= part;
      if (this.bytesLeft > 0) continue;
      const slot = this.inService;
      this.inService = -1;
      this.host.sent(slot, at);
    }
    return true;
  }

  private begin(slot: number): void {
    this.inService = slot;
    this.bytesLeft = this.chargeBytes(this.host.bytesOf(slot));
  }
}
