// What one connection has sent and not heard of: a ring of 16-byte records by PSN (BIFROST §4.4). A record points
// at the bytes where they were read. It holds a reference of their chunk until that packet and all before it are
// acknowledged: what a peer holds out of order is lost with the connection, and must be sent again then.
//
// Per slot it counts what is in flight and in which order it was sent: loss is judged by the order on the slot,
// since a retransmission has an old PSN on a new path (BIFROST §4.3).

import type { Fields } from '../base/fields.ts';
import type { CongestionController } from '../congestion/controller.ts';
import type { FrameQueue } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import { SLOTS } from '../paths/path-table.ts';
import { DATA_FIRST, DATA_LAST } from '../wire/bifrost-data.ts';

/** Words of a record: offset; length, flags and slot; order on the slot; microseconds of sending. */
export const RECORD_WORDS = 4;
export const RECORD_LENGTH_MASK = 0xffff;
const FLAG_SHIFT = 16;
export const RECORD_FIRST = DATA_FIRST << FLAG_SHIFT;
export const RECORD_LAST = DATA_LAST << FLAG_SHIFT;
export const RECORD_ACKED = 0x0001_0000;
/** Given up on its slot and queued to be sent again. */
export const RECORD_LOST = 0x0002_0000;
export const RECORD_RETRANSMITTED = 0x0004_0000;
export const RECORD_SLOT_SHIFT = 24;
export const RECORD_SLOT_MASK = 0x0700_0000;

/** All of it but the controller, which newer code makes anew. */
export type SendWindowState = Omit<Fields<SendWindow>, 'congestion' | 'span' | 'isIdle'>;

/** Room before it is needed: for one large frame, and for a few losses. */
const FIRST_RECORDS = 64;
const FIRST_LOST = 16;

export class SendWindow {
  /** Room for `mask` + 1 records. */
  records: Uint32Array;
  mask: number;
  readonly limit: number;
  /** Oldest unacknowledged PSN, next to transmit, next to get a slot, next to give: una ≤ txNext ≤ placed ≤ next. */
  una = 0;
  /** First packet of the frame that `una` is in: kept until the whole frame is acknowledged. */
  frameStart = 0;
  txNext = 0;
  placed = 0;
  next = 0;
  inFlightBytes = 0;
  /** Of each slot: given to it and neither acknowledged nor given up. */
  readonly slotBytes = new Float64Array(SLOTS);
  /** Since when each slot's present round trip is measured, and the least delay of the fabric in it. */
  readonly roundSince = new Float64Array(SLOTS);
  readonly leastFabricMicros = new Float64Array(SLOTS).fill(Number.POSITIVE_INFINITY);
  /** Of each slot: when its last frame went and how large it was, if the next one has to wait for it; else 0 bytes. */
  readonly pacedAt = new Float64Array(SLOTS);
  readonly pacedBytes = new Float64Array(SLOTS);
  /** When the slots that frames wait for are to be looked at again, or Infinity. */
  pacedUntil = Number.POSITIVE_INFINITY;
  /** Given with each connection that uses the window. */
  congestion!: CongestionController;
  readonly inFlight = new Int32Array(SLOTS);
  /** When the slot last had nothing to answer for: something was acknowledged, or it was empty. */
  readonly progressAt = new Float64Array(SLOTS);
  /** Timeouts in a row: each doubles the next (BIFROST §4.3). */
  readonly backoff = new Uint8Array(SLOTS);
  readonly nextOrder = new Uint32Array(SLOTS);
  readonly highestAcked = new Uint32Array(SLOTS);
  /** Since when the peer has owed us something, without a moment in which it owed us nothing. */
  owedSince = 0;
  /** Sending time and PSN of the newest packet known to have arrived, and whether there is one. */
  newestAckedSentAt = 0;
  newestAckedPsn = 0;
  anyAcked = false;
  /** How many times longer than usual to wait for what was overtaken: doubled when a packet was sent again in vain. */
  patience = 1;
  /** When the first of those that a later one overtook will be given up, or Infinity. */
  overtakenDue = Number.POSITIVE_INFINITY;
  /** The receiver's clock on its newest acknowledgement: an older one proves no loss. */
  newestAckStamp = 0;
  anyAck = false;
  /** Questions in a row without a word from the peer, and when the next one is due, or Infinity. */
  questions = 0;
  questionDue = Number.POSITIVE_INFINITY;
  /** Slot of the current group of packets, and how many went there. */
  slot = 0;
  group = 0;
  /** A ring of PSNs to send again. */
  lost: Uint32Array;
  lostHead = 0;
  lostCount = 0;

  constructor(limit: number, old?: SendWindowState) {
    this.limit = limit;
    this.mask = FIRST_RECORDS - 1;
    this.records = new Uint32Array(FIRST_RECORDS * RECORD_WORDS);
    this.lost = new Uint32Array(FIRST_LOST);
    if (old !== undefined) Object.assign(this, old);
  }

  save(): SendWindowState {
    const { congestion: _, ...state }: SendWindow = this;
    return state;
  }

  reset(psn: number): void {
    this.una = psn;
    this.frameStart = psn;
    this.txNext = psn;
    this.placed = psn;
    this.next = psn;
    this.inFlightBytes = 0;
    this.slotBytes.fill(0);
    this.pacedBytes.fill(0);
    this.roundSince.fill(0);
    this.leastFabricMicros.fill(Number.POSITIVE_INFINITY);
    this.pacedUntil = Number.POSITIVE_INFINITY;
    this.inFlight.fill(0);
    this.backoff.fill(0);
    this.nextOrder.fill(1);
    this.highestAcked.fill(0);
    this.forget();
    this.group = 0;
    this.lostHead = 0;
    this.lostCount = 0;
  }

  /** Records in use. */
  get span(): number {
    return (this.next - this.frameStart) >>> 0;
  }

  get isIdle(): boolean {
    return this.frameStart === this.next;
  }

  /** Nothing is in flight: times compared modulo 2^32 must not outlive a long rest. */
  forget(): void {
    this.anyAcked = false;
    this.anyAck = false;
    this.patience = 1;
    this.overtakenDue = Number.POSITIVE_INFINITY;
    this.heard();
  }

  /** The peer said something: it is awake, and what it said shows what is missing. */
  heard(): void {
    this.questions = 0;
    this.questionDue = Number.POSITIVE_INFINITY;
  }

  /** Makes room for so many packets more: the ring grows with what is in flight (BIFROST §4.4). */
  reserve(packets: number): void {
    const needed = this.span + packets;
    if (needed <= this.mask + 1) return;
    const { records, mask } = this;
    let size = (mask + 1) * 2;
    while (size < needed) size *= 2;
    this.mask = size - 1;
    this.records = new Uint32Array(size * RECORD_WORDS);
    for (let psn = this.frameStart; psn !== this.next; psn = (psn + 1) >>> 0) {
      const from = (psn & mask) * RECORD_WORDS;
      const to = (psn & this.mask) * RECORD_WORDS;
      for (let word = 0; word < RECORD_WORDS; word++) this.records[to + word] = records[from + word]!;
    }
  }

  queueLost(psn: number): void {
    if (this.lostCount === this.lost.length) this.growLost();
    this.lost[(this.lostHead + this.lostCount) & (this.lost.length - 1)] = psn;
    this.lostCount++;
  }

  shiftLost(): number {
    const psn = this.lost[this.lostHead & (this.lost.length - 1)]!;
    this.lostHead++;
    this.lostCount--;
    return psn;
  }

  /** Lets go of everything acknowledged at the window's lower end. */
  advance(region: Region): void {
    const { records, mask } = this;
    while (this.una !== this.txNext) {
      const at = (this.una & mask) * RECORD_WORDS;
      const word = records[at + 1]!;
      if ((word & RECORD_ACKED) === 0) return;
      region.release(records[at]!);
      this.una = (this.una + 1) >>> 0;
      if ((word & RECORD_LAST) !== 0) this.frameStart = this.una;
    }
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    for (let psn = this.una; psn !== this.next; psn = (psn + 1) >>> 0) {
      visit(this.records[(psn & this.mask) * RECORD_WORDS]!);
    }
  }

  /**
   * Takes every frame back that is not wholly acknowledged, in order, and empties the window. The packets of a
   * frame lie one behind the other, so it is one piece again.
   */
  recall(frames: FrameQueue, region: Region): void {
    let offset = 0;
    let length = 0;
    let references = 0;
    for (let psn = this.frameStart; psn !== this.next; psn = (psn + 1) >>> 0) {
      const at = (psn & this.mask) * RECORD_WORDS;
      const word = this.records[at + 1]!;
      if ((word & RECORD_FIRST) !== 0) {
        offset = this.records[at]!;
        length = 0;
        references = 0;
      }
      length += word & RECORD_LENGTH_MASK;
      if (((psn - this.una) | 0) >= 0) references++;
      if ((word & RECORD_LAST) === 0) continue;
      for (; references > 1; references--) region.release(offset);
      frames.push(offset, length);
    }
    this.reset(this.next);
  }

  private growLost(): void {
    const { lost, lostHead, lostCount } = this;
    this.lost = new Uint32Array(lost.length * 2);
    for (let i = 0; i < lostCount; i++) this.lost[i] = lost[(lostHead + i) & (lost.length - 1)]!;
    this.lostHead = 0;
  }
}
