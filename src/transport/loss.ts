// What acknowledgements and silence say about packets in flight (BIFROST §4.3).
//
// A packet is lost when a later one of the same slot has arrived (a path keeps its order), or when a later one of
// any slot has and its own slot's round trip is well over. That needs the later one: a host that was not scheduled
// for a while takes in what came first first, so it cannot look like a loss. It is judged in `onTimer`, when all
// that came has been taken in. Where nothing comes back at all, a timeout sends one packet again on another path as
// a question; its answer shows what else is missing, whatever slot it was sent on. So a connection asks one question at
// a time, first on each slot in turn, since some may be dead, and then ever less often: a late host causes a few
// packets, never a storm.

import { serialDiff } from '../base/serial.ts';
import { SLOTS } from '../paths/path-table.ts';
import { ACK_CUMULATIVE, type AckView } from '../wire/bifrost-ack.ts';
import { Feedback } from './feedback.ts';
import {
  RECORD_ACKED,
  RECORD_LENGTH_MASK,
  RECORD_LOST,
  RECORD_RETRANSMITTED,
  RECORD_SLOT_MASK,
  RECORD_SLOT_SHIFT,
  RECORD_WORDS,
  type SendWindow,
} from './send-window.ts';
import { MAX_AGE_PACKETS, type TransportContext } from './types.ts';

/** Packets a bitmap of eight words covers. */
const BITMAP_PACKETS = 256;
const MAX_BACKOFF = 6;
const MAX_PATIENCE = 8;
/** Once all slots were tried, each question waits twice as long for its answer as the one before, up to 2^4 times. */
const MAX_QUESTION_BACKOFF = 4;

export class LossDetector {
  private readonly context: TransportContext;
  /** Slots on which this acknowledgement showed progress, one bit each. */
  private progress = 0;
  /** Packets of each slot that arrived and that were given up, since the paths were told, and the slots with any. */
  private readonly arrivals = new Uint32Array(SLOTS);
  private readonly losses = new Uint32Array(SLOTS);
  private untold = 0;
  /** What acknowledgements say of the paths, and what the controller is told. */
  readonly feedback: Feedback;

  constructor(context: TransportContext) {
    this.context = context;
    this.feedback = new Feedback(context);
  }

  /** Takes in an acknowledgement. False when it claims what was never sent. */
  onAck(now: number, arrivedAt: number, row: number, ack: AckView): boolean {
    const { connections, counters, region } = this.context;
    const window = connections.send[row]!;
    const base = ack.psnBase;
    const cumulative = ack.ackType === ACK_CUMULATIVE;
    const newlyBelow = serialDiff(base, window.una);
    if (newlyBelow > serialDiff(window.txNext, window.una) || newlyBelow < -MAX_AGE_PACKETS) return false;
    this.progress = 0;
    this.feedback.ackedBytes.fill(0);
    this.describe(window, ack);
    if (cumulative) this.acknowledgeNext(window, newlyBelow);
    const covered = this.acknowledgeBits(window, base, ack);
    if (covered < 0) {
      this.tellOutcomes(now, row);
      return false;
    }
    window.heard();
    if (ack.ackValue > 0) {
      connections.tallies.spurious[row]! += ack.ackValue;
      counters.spurious += ack.ackValue;
      window.patience = Math.min(MAX_PATIENCE, window.patience * 2);
    }
    counters.marksReceived += ack.numEce;
    this.feedback.onPath(now, arrivedAt, row, ack);
    for (let s = 0; s < SLOTS; s++) {
      if ((this.progress & (1 << s)) === 0) continue;
      window.progressAt[s] = now;
      window.backoff[s] = 0;
    }
    const stamp = ack.timestampMicros;
    // An acknowledgement that was overtaken knows less than we do: it proves no loss.
    if (!window.anyAck || serialDiff(stamp, window.newestAckStamp) >= 0) {
      window.anyAck = true;
      window.newestAckStamp = stamp;
      this.judge(now, row, window, base, cumulative ? BITMAP_PACKETS : covered);
    }
    window.advance(region);
    if (window.una === window.txNext) window.forget();
    this.feedback.onAck(now, window, ack);
    this.tellOutcomes(now, row);
    return true;
  }

  /** The next time a slot's silence means something, or Infinity. */
  nextTimeout(row: number): number {
    const { connections, paths } = this.context;
    const window = connections.send[row]!;
    const peer = connections.peer[row]!;
    let due = Math.min(window.overtakenDue, window.questionDue, window.pacedUntil);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (window.inFlight[slot] === 0) continue;
      const at = window.progressAt[slot]! + paths.timeoutMicros(peer, slot) * 2 ** window.backoff[slot]!;
      if (at < due) due = at;
    }
    return due;
  }

  /** Leaves the slots that have been silent too long, and asks what is missing. True when the peer owes an answer. */
  onTimer(now: number, row: number): boolean {
    const { connections, paths } = this.context;
    const window = connections.send[row]!;
    const peer = connections.peer[row]!;
    if (window.overtakenDue <= now) this.judgeByTime(now, row, window);
    // A slot that may send by now is asked again when there is something to send.
    if (window.pacedUntil <= now) window.pacedUntil = Number.POSITIVE_INFINITY;
    let silent = -1;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (window.inFlight[slot] === 0) continue;
      const timeout = paths.timeoutMicros(peer, slot) * 2 ** window.backoff[slot]!;
      if (window.progressAt[slot]! + timeout > now) continue;
      silent = slot;
      paths.onTimeout(peer, slot, window.progressAt[slot]!, now);
      window.progressAt[slot] = now;
      if (window.backoff[slot]! < MAX_BACKOFF) window.backoff[slot]!++;
      window.congestion.onTimeout(slot, now);
    }
    const unanswered = window.questionDue <= now;
    if (unanswered) this.question(now, row, window, -1);
    else if (silent >= 0 && window.questions === 0) this.question(now, row, window, silent);
    this.tellOutcomes(now, row);
    return unanswered || silent >= 0;
  }

  /** Paths are judged by what they lose, too (ZooRoute §8). */
  private tellOutcomes(now: number, row: number): void {
    const { connections, paths } = this.context;
    const { arrivals, losses } = this;
    for (let slot = 0; this.untold !== 0; slot++) {
      const bit = 1 << slot;
      if ((this.untold & bit) === 0) continue;
      this.untold &= ~bit;
      paths.onOutcome(connections.peer[row]!, slot, arrivals[slot]!, losses[slot]!, now);
      arrivals[slot] = 0;
      losses[slot] = 0;
    }
  }

  private acknowledgeNext(window: SendWindow, packets: number): void {
    for (let i = 0; i < packets; i++) this.acknowledge(window, (window.una + i) >>> 0);
  }

  /** PSNs the bitmap covers, or -1 when it names one that was never sent. */
  private acknowledgeBits(window: SendWindow, base: number, ack: AckView): number {
    const words = ack.bitmapWords;
    for (let i = 0; i < words; i++) {
      let word = ack.bitmapWord(i);
      while (word !== 0) {
        const bit = Math.clz32(word);
        word &= ~(0x8000_0000 >>> bit);
        const psn = (base + i * 32 + bit) >>> 0;
        if (serialDiff(psn, window.txNext) >= 0) return -1;
        if (serialDiff(psn, window.una) >= 0) this.acknowledge(window, psn);
      }
    }
    return words * 32;
  }

  private acknowledge(window: SendWindow, psn: number): void {
    const { records } = window;
    const at = (psn & window.mask) * RECORD_WORDS;
    const word = records[at + 1]!;
    if ((word & RECORD_ACKED) !== 0) return;
    const slot = (word & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
    if ((word & RECORD_LOST) === 0) {
      window.inFlight[slot]!--;
      window.slotBytes[slot]! -= word & RECORD_LENGTH_MASK;
      this.progress |= 1 << slot;
      this.arrivals[slot]!++;
      this.untold |= 1 << slot;
      // Of a packet sent twice, nobody knows which copy this is: it proves nothing about the path of the second.
      if ((word & RECORD_RETRANSMITTED) === 0)
        this.arrived(window, psn, slot, records[at + 2]!, records[at + 3]!);
    }
    records[at + 1] = (word & ~RECORD_LOST) | RECORD_ACKED;
    const length = word & RECORD_LENGTH_MASK;
    window.inFlightBytes -= length;
    this.feedback.ackedBytes[slot]! += length;
  }

  /** A packet sent on the slot at this place in its order, and at this time, is known to have arrived. */
  private arrived(window: SendWindow, psn: number, slot: number, order: number, sentAt: number): void {
    if (serialDiff(order, window.highestAcked[slot]!) > 0) window.highestAcked[slot] = order;
    if (!isNewer(window, psn, sentAt)) return;
    window.anyAcked = true;
    window.newestAckedSentAt = sentAt;
    window.newestAckedPsn = psn;
  }

  /** The packet an acknowledgement describes: the echo of its timestamp tells which copy arrived. */
  private describe(window: SendWindow, ack: AckView): void {
    const { psn, pathId, echoMicros } = ack;
    if (ack.isSpecial || serialDiff(psn, window.frameStart) < 0 || serialDiff(psn, window.txNext) >= 0)
      return;
    const at = (psn & window.mask) * RECORD_WORDS;
    const slot = (window.records[at + 1]! & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
    if (slot !== pathId || window.records[at + 3] !== echoMicros) return;
    this.arrived(window, psn, slot, window.records[at + 2]!, echoMicros);
  }

  /**
   * Looks at what is missing among the `covered` PSNs from `base` on: what was overtaken on its own slot is lost,
   * what was overtaken by another slot gets a time at which it will be. It ends at the first that left after all that
   * arrived: those above left later still. So where nothing is missing it looks at one packet, not at 256.
   */
  private judge(now: number, row: number, window: SendWindow, base: number, covered: number): void {
    const { connections, counters } = this.context;
    const { records, mask } = window;
    let psn = serialDiff(base, window.una) >= 0 ? base : window.una;
    const beyond = (base + covered) >>> 0;
    const end = serialDiff(beyond, window.txNext) < 0 ? beyond : window.txNext;
    if (psn === window.una && end === window.txNext) window.overtakenDue = Number.POSITIVE_INFINITY;
    for (; serialDiff(psn, end) < 0; psn = (psn + 1) >>> 0) {
      const at = (psn & mask) * RECORD_WORDS;
      const word = records[at + 1]!;
      if ((word & (RECORD_ACKED | RECORD_LOST)) !== 0) continue;
      const newer = isNewer(window, psn, records[at + 3]!);
      if (newer && (word & RECORD_RETRANSMITTED) === 0) return;
      const slot = (word & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
      if (serialDiff(records[at + 2]!, window.highestAcked[slot]!) < 0) {
        connections.tallies.lostByGap[row]!++;
        counters.lostByGap++;
        this.giveUp(window, psn, at, slot);
        this.feedback.onGap(now, window, at, slot);
      } else if (!newer && serialDiff(psn, window.una) < BITMAP_PACKETS) {
        const due = this.overtakenDue(now, row, window, slot, records[at + 3]!);
        if (due < window.overtakenDue) window.overtakenDue = due;
      }
    }
  }

  /**
   * Gives up what later packets of other slots overtook, and what had all the time its own slot ever needs. Only
   * what every acknowledgement shows: further up it may have arrived without our being told.
   */
  private judgeByTime(now: number, row: number, window: SendWindow): void {
    const { connections, counters } = this.context;
    const { records, mask } = window;
    window.overtakenDue = Number.POSITIVE_INFINITY;
    const shown = Math.min(BITMAP_PACKETS, (window.txNext - window.una) >>> 0);
    for (let i = 0; i < shown; i++) {
      const psn = (window.una + i) >>> 0;
      const at = (psn & mask) * RECORD_WORDS;
      const word = records[at + 1]!;
      if ((word & (RECORD_ACKED | RECORD_LOST)) !== 0 || isNewer(window, psn, records[at + 3]!)) continue;
      const slot = (word & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
      const due = this.overtakenDue(now, row, window, slot, records[at + 3]!);
      if (due <= now) {
        connections.tallies.lostByTime[row]!++;
        counters.lostByTime++;
        this.giveUp(window, psn, at, slot);
      } else if (due < window.overtakenDue) {
        window.overtakenDue = due;
      }
    }
  }

  /** When a packet that was overtaken has been on its way for too long. */
  private overtakenDue(now: number, row: number, window: SendWindow, slot: number, sentAt: number): number {
    const { connections, paths } = this.context;
    const micros = paths.reorderMicros(connections.peer[row]!, slot) * window.patience;
    return now - serialDiff(now >>> 0, sentAt) + micros;
  }

  /** Sends the oldest packet of a silent slot again, or, with -1, the oldest of all. */
  private question(now: number, row: number, window: SendWindow, silent: number): void {
    const { connections, paths, counters } = this.context;
    const peer = connections.peer[row]!;
    const { records, mask } = window;
    window.questionDue = Number.POSITIVE_INFINITY;
    for (let psn = window.una; serialDiff(psn, window.txNext) < 0; psn = (psn + 1) >>> 0) {
      const at = (psn & mask) * RECORD_WORDS;
      const word = records[at + 1]!;
      if ((word & (RECORD_ACKED | RECORD_LOST)) !== 0) continue;
      const slot = (word & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
      if (silent >= 0 && slot !== silent) continue;
      const backoff = Math.max(0, ++window.questions - SLOTS);
      const patience = 2 ** Math.min(MAX_QUESTION_BACKOFF, backoff);
      window.questionDue = now + paths.timeoutMicros(peer, slot) * patience;
      connections.tallies.lostByTimeout[row]!++;
      counters.lostByTimeout++;
      this.giveUp(window, psn, at, slot);
      return;
    }
  }

  /** Takes a packet from its slot, to be sent again on another. */
  private giveUp(window: SendWindow, psn: number, at: number, slot: number): void {
    const { records } = window;
    window.slotBytes[slot]! -= records[at + 1]! & RECORD_LENGTH_MASK;
    records[at + 1]! |= RECORD_LOST;
    window.inFlight[slot]!--;
    this.losses[slot]!++;
    this.untold |= 1 << slot;
    window.queueLost(psn);
  }
}

/** Whether a packet was sent later than all that are known to have arrived; of one moment, the higher PSN is later. */
function isNewer(window: SendWindow, psn: number, sentAt: number): boolean {
  if (!window.anyAcked) return true;
  const later = serialDiff(sentAt, window.newestAckedSentAt);
  return later > 0 || (later === 0 && serialDiff(psn, window.newestAckedPsn) > 0);
}
