// One direction of an emulated link in virtual time: a queue, a transmitter, loss at random, and a wire of some delay.
// Holds the order and the times of packets; their bytes are the caller's, in the slot of the same number.
// Always: arrived = delivered + dropped + lost + held, whatever the discipline; flows stay in order.
import { below, chance, type Rng, SeededRng } from '../../../src/base/rng.ts';
import { Delays } from './delays.ts';
import { MARKABLE, MARKED, PacketPool, UNMARKABLE } from './packets.ts';
import { type DirectionParameters, makeQueue, makeTransmitter } from './parameters.ts';
import { isOver, type Queue } from './queue.ts';
import type { Transmitter } from './transmitter.ts';

const PPM = 1e6;

export class Direction {
  readonly pool: PacketPool;
  readonly backlog = { packets: 0, bytes: 0 };
  readonly counters = {
    arrived: 0,
    /** By the queue, or because no slot was free. */
    dropped: 0,
    sent: 0,
    /** By the queue, of those sent. */
    marked: 0,
    /** As the transmitter counts them. */
    sentBytes: 0,
    lost: 0,
    lostBytes: 0,
    delivered: 0,
  };
  /** From the arrival of a packet until its last bit was sent. */
  readonly delays = new Delays();
  firstArrivalMicros = Number.NaN;
  lastSentMicros = Number.NaN;
  private capacityBefore = 0;
  private capacityUsed = 0;
  /** Since `takePeaks`. */
  private readonly peaks = { backlogBytes: 0, delayMicros: 0, delaySumMicros: 0 };
  /** Of its own: which of the packets sent are lost depends on nothing else. */
  private readonly lossRng: Rng;
  private readonly queueRng: Rng;
  private readonly jitterRng: Rng;
  private parameters: DirectionParameters;
  private queue: Queue;
  private transmitter: Transmitter;
  private readonly wireSlots: Uint32Array;
  private readonly wireDueMicros: Float64Array;
  // Counters of packets that went onto the wire and came off it.
  private wired = 0;
  private unwired = 0;

  constructor(slots: number, parameters: DirectionParameters, seed: number) {
    this.pool = new PacketPool(slots);
    this.wireSlots = new Uint32Array(slots);
    this.wireDueMicros = new Float64Array(slots);
    this.lossRng = new SeededRng(seed);
    this.queueRng = new SeededRng(~seed);
    this.jitterRng = new SeededRng(seed ^ 0x6a69_7474);
    this.parameters = parameters;
    this.queue = makeQueue(this, parameters, this.queueRng);
    this.transmitter = makeTransmitter(this, parameters, 0, -1);
  }

  /** A trace starts at this time; before, nothing has arrived. */
  begin(now: number): void {
    this.transmitter = makeTransmitter(this, this.parameters, now, -1);
  }

  /** Packets on the wire keep their times; those that wait are queued anew. */
  configure(parameters: DirectionParameters, now: number): void {
    this.transmitter.run(now);
    const old = this.queue;
    this.parameters = parameters;
    this.queue = makeQueue(this, parameters, this.queueRng);
    const moving: number[] = [];
    for (let slot = old.dequeue(now); slot >= 0; slot = old.dequeue(now)) moving.push(slot);
    for (const slot of moving) this.leaveBacklog(slot);
    for (const slot of moving) this.enqueue(slot, now);
    this.transmitter = makeTransmitter(this, parameters, now, this.transmitter.inService);
    this.transmitter.run(now);
  }

  /** The slot for the next packet's bytes, to be filled before `arrive`; -1 when every slot is held. */
  get freeSlot(): number {
    return this.pool.freeSlot;
  }

  /** The packet in the free slot arrives: a frame of so many bytes, of a flow with that hash, which may be marked or not. */
  arrive(now: number, bytes: number, flow = 0, isMarkable = false): void {
    const { pool, counters, transmitter } = this;
    const slot = pool.freeSlot;
    // At once: what is lost or dropped now makes other slots free.
    if (slot >= 0) pool.take();
    transmitter.run(now);
    if (counters.arrived++ === 0) {
      this.firstArrivalMicros = now;
      this.capacityBefore = transmitter.capacityBytes(now);
    }
    if (slot < 0) {
      counters.dropped++;
      return;
    }
    pool.bytes[slot] = bytes;
    pool.arrivedMicros[slot] = now;
    pool.flow[slot] = flow;
    pool.mark[slot] = isMarkable ? MARKABLE : UNMARKABLE;
    this.enqueue(slot, now);
    transmitter.run(now);
  }

  /** Brings the model to this time: before it is asked what waits, and before `take`. */
  advance(now: number): void {
    this.transmitter.run(now);
  }

  /** When the next packet comes out, or the transmitter may have sent one; Infinity when none is held. */
  get nextDue(): number {
    if (this.wired > this.unwired) return this.wireDueMicros[this.unwired % this.wireSlots.length]!;
    return this.transmitter.nextSentMicros(this.backlog.packets > 0) + this.parameters.delayMicros;
  }

  /** The slot of a packet that is due; -1 when none is. Its bytes are good until the next `arrive`. */
  take(now: number): number {
    if (this.wired === this.unwired) return -1;
    const at = this.unwired % this.wireSlots.length;
    if (this.wireDueMicros[at]! > now) return -1;
    this.unwired++;
    const slot = this.wireSlots[at]!;
    this.counters.delivered++;
    this.pool.release(slot);
    return slot;
  }

  /** What the transmitter could have sent until the time that the model was advanced to. */
  capacityBytes(now: number): number {
    return this.transmitter.capacityBytes(now);
  }

  /** What it could have sent from the first arrival until the last packet was sent. */
  get capacityOfferedBytes(): number {
    return this.capacityUsed - this.capacityBefore;
  }

  /** The longest queue, and the longest delay and the sum of delays of what was sent, since this was called last. */
  takePeaks(into: { backlogBytes: number; delayMicros: number; delaySumMicros: number }): void {
    Object.assign(into, this.peaks);
    this.peaks.backlogBytes = this.backlog.bytes;
    this.peaks.delayMicros = 0;
    this.peaks.delaySumMicros = 0;
  }

  // For the queue and the transmitter.

  nextPacket(now: number): number {
    return this.queue.dequeue(now);
  }

  bytesOf(slot: number): number {
    return this.pool.bytes[slot]!;
  }

  drop(slot: number): void {
    this.counters.dropped++;
    this.leaveBacklog(slot);
    this.pool.release(slot);
  }

  mark(slot: number): boolean {
    const { parameters, pool } = this;
    if (!parameters.ecn || pool.mark[slot] === UNMARKABLE) return false;
    pool.mark[slot] = MARKED;
    return true;
  }

  sent(slot: number, at: number): void {
    const { counters, peaks, pool, parameters, transmitter } = this;
    const charge = transmitter.chargeBytes(pool.bytes[slot]!);
    const delayMicros = at - pool.arrivedMicros[slot]!;
    this.delays.record(delayMicros);
    peaks.delaySumMicros += delayMicros;
    if (delayMicros > peaks.delayMicros) peaks.delayMicros = delayMicros;
    counters.sent++;
    if (pool.mark[slot] === MARKED) counters.marked++;
    counters.sentBytes += charge;
    this.lastSentMicros = at;
    this.capacityUsed = transmitter.capacityBytes(at);
    this.leaveBacklog(slot);
    if (parameters.lossPpm > 0 && chance(this.lossRng, parameters.lossPpm / PPM)) {
      counters.lost++;
      counters.lostBytes += charge;
      pool.release(slot);
      return;
    }
    const last =
      this.wired > this.unwired ? this.wireDueMicros[(this.wired - 1) % this.wireSlots.length]! : 0;
    const index = this.wired++ % this.wireSlots.length;
    this.wireSlots[index] = slot;
    // Neither a delay that was shortened meanwhile nor jitter lets anything overtake.
    this.wireDueMicros[index] = Math.max(last, at + parameters.delayMicros + this.jitter());
  }

  private jitter(): number {
    const { jitterMicros } = this.parameters;
    return jitterMicros === 0 ? 0 : below(this.jitterRng, jitterMicros + 1);
  }

  private enqueue(slot: number, now: number): void {
    const { backlog, parameters, peaks, pool } = this;
    // RFC 8257 §3.1
    if (pool.mark[slot] === MARKABLE && isOver(backlog, parameters.markAbove)) pool.mark[slot] = MARKED;
    backlog.packets++;
    backlog.bytes += pool.bytes[slot]!;
    this.queue.enqueue(slot, now);
    if (backlog.bytes > peaks.backlogBytes) peaks.backlogBytes = backlog.bytes;
  }

  private leaveBacklog(slot: number): void {
    this.backlog.packets--;
    this.backlog.bytes -= this.pool.bytes[slot]!;
  }
}
