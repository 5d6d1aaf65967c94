// The receiving half of a connection: duplicates, gaps, order (BIFROST §4.2), and whole frames out.
//
// A packet counts as delivered once it is in memory that this host will not drop. The packet everybody waits for
// always finds room; one out of order does not when memory is short, and is then as good as lost.

import { MAX_FRAME_BYTES } from '../packet/device.ts';
import { PIECE_SLOT_MASK, PIECE_SLOT_SHIFT, type PieceList } from '../packet/pieces.ts';
import { DATA_ACK_REQUIRED, DATA_FIRST, DATA_LAST, type DataHeaderView } from '../wire/bifrost-data.ts';
import type { Acknowledger } from './acknowledger.ts';
import {
  HELD_FIRST,
  HELD_LAST,
  HELD_LENGTH_MASK,
  HELD_PASSED,
  HELD_SLOT_MASK,
  HELD_SLOT_SHIFT,
  HELD_WHOLE,
  RECEIVE_PACKETS,
  type ReceiveWindow,
} from './receive-window.ts';
import { MAX_AGE_PACKETS, type TransportContext } from './types.ts';

/** As many as one scatter-gather call takes. */
const MAX_FRAME_PIECES = 1024;
/** From where a slot stands in a held packet's word to where it stands in a piece's. */
const HELD_TO_PIECE_SHIFT = PIECE_SLOT_SHIFT - HELD_SLOT_SHIFT;
/** Of the region's chunks, a quarter is kept for packets in order. */
const RESERVE_SHIFT = 2;

export class Receiver {
  private readonly context: TransportContext;
  private readonly acknowledger: Acknowledger;

  constructor(context: TransportContext, acknowledger: Acknowledger) {
    this.context = context;
    this.acknowledger = acknowledger;
  }

  /**
   * Takes in a data packet; `small` says that it came in a short run, so that holding it where it lies would pin
   * much memory for little. True when whole frames wait to be delivered.
   */
  onData(row: number, header: DataHeaderView, arrivedAt: number, hops: number, small: boolean): boolean {
    const { connections, counters, pairs, region } = this.context;
    const { tallies } = connections;
    const window = connections.receive[row]!;
    const { psn, pathId: slot, flags, payloadLength: length } = header;
    const ahead = (psn - window.base) | 0;
    const place = (psn - window.delivered) | 0;
    if (place >= RECEIVE_PACKETS || place < -MAX_AGE_PACKETS || length === 0 || length > HELD_LENGTH_MASK) {
      tallies.beyondWindow[row]!++;
      counters.beyondWindow++;
      return false;
    }
    window.newestPsn[slot] = psn;
    window.echo[slot] = header.timestampMicros;
    window.arrivedAt[slot] = arrivedAt;
    window.hops[slot] = hops;
    if (ahead < 0 || window.has(psn)) {
      tallies.duplicates[row]!++;
      counters.duplicates++;
      window.duplicates[slot]!++;
      this.acknowledger.onPacket(window, slot, arrivedAt, true);
      return false;
    }
    let offset = header.payloadAt;
    if (ahead > 0) {
      tallies.outOfOrder[row]!++;
      counters.outOfOrder++;
      if (region.free < region.chunks >>> RESERVE_SHIFT) {
        tallies.noMemory[row]!++;
        counters.noMemory++;
        return false;
      }
      if (ahead > connections.deepestReorder[row]!) connections.deepestReorder[row] = ahead;
      if (small) offset = this.copy(offset, length);
    }
    region.retain(offset, 1);
    counters.packetsReceived++;
    counters.bytesReceived += length;
    tallies.packetsReceived[row]!++;
    tallies.bytesReceived[row]! += length;
    const framing = (flags & DATA_FIRST ? HELD_FIRST : 0) | (flags & DATA_LAST ? HELD_LAST : 0);
    const held = length | framing | (slot << HELD_SLOT_SHIFT);
    const wasMissing = window.end !== window.base;
    let complete: boolean;
    if (framing === HELD_WHOLE && !pairs.reordersOf(connections.pair[row]!)) {
      window.early.push(offset, pieceOf(held));
      window.place(psn, 0, held | HELD_PASSED);
      complete = true;
    } else {
      complete = window.place(psn, offset, held);
    }
    // At once while something is missing, and when no more is: the sender waits for it.
    const urgent = wasMissing || window.end !== window.base || (flags & DATA_ACK_REQUIRED) !== 0;
    this.acknowledger.onPacket(window, slot, arrivedAt, urgent);
    return complete;
  }

  /** A rate limit marked frames that were delivered: the next acknowledgement of each packet's slot says how many. */
  onMarked(now: number, row: number, { words, count }: PieceList): void {
    const window = this.context.connections.receive[row];
    if (window === undefined) return;
    for (let i = 0; i < count; i++) {
      const slot = (words[i * 2 + 1]! & PIECE_SLOT_MASK) >>> PIECE_SLOT_SHIFT;
      this.acknowledger.onMarked(now, window, slot);
    }
  }

  /** Moves whole frames in order into `out`, references included. False when some are left for want of room. */
  deliver(row: number, out: PieceList): boolean {
    const { connections, counters } = this.context;
    const window = connections.receive[row];
    // The connection was lost and begun anew since.
    if (window === undefined) return true;
    for (const { early } = window; early.frames > 0; early.shift()) {
      if (out.count === out.capacity) return false;
      out.push(early.frontOffset(), early.frontWord());
      out.endFrame();
      connections.tallies.framesDelivered[row]!++;
      counters.framesDelivered++;
    }
    while (window.delivered !== window.complete) {
      if (!this.deliverFrame(row, window, out)) return false;
    }
    return true;
  }

  private deliverFrame(row: number, window: ReceiveWindow, out: PieceList): boolean {
    const { connections, counters, region } = this.context;
    const first = window.delivered;
    let bytes = 0;
    let framed = (window.wordOf(first) & HELD_FIRST) !== 0;
    let end = first;
    let word = 0;
    do {
      word = window.wordOf(end);
      if ((word & HELD_FIRST) !== 0 && end !== first) framed = false;
      bytes += word & HELD_LENGTH_MASK;
      end = (end + 1) >>> 0;
    } while ((word & HELD_LAST) === 0);
    const pieces = (end - first) >>> 0;
    if ((word & HELD_PASSED) !== 0 && pieces === 1) {
      window.clear(first);
      window.delivered = end;
      return true;
    }
    const good = framed && bytes <= MAX_FRAME_BYTES && pieces <= MAX_FRAME_PIECES;
    if (good && out.count + pieces > out.capacity) return false;
    for (let psn = first; psn !== end; psn = (psn + 1) >>> 0) {
      const offset = window.offsetOf(psn);
      if (good) out.push(offset, pieceOf(window.wordOf(psn)));
      else if ((window.wordOf(psn) & HELD_PASSED) === 0) region.release(offset);
      window.clear(psn);
    }
    window.delivered = end;
    if (good) {
      out.endFrame();
      connections.tallies.framesDelivered[row]!++;
      counters.framesDelivered++;
    } else {
      connections.tallies.badFraming[row]!++;
      counters.badFraming++;
    }
    return true;
  }

  /** The same bytes in the chunk of small held packets, or where they are when it has no room. */
  private copy(offset: number, length: number): number {
    const { hold, region } = this.context;
    const to = hold.room(length);
    if (to === 0) return offset;
    region.bytes.u8.copyWithin(to, offset, offset + length);
    hold.commit(length);
    return to;
  }
}

/** Length and slot of a held packet, as a piece has them. */
function pieceOf(held: number): number {
  return (held & HELD_LENGTH_MASK) | ((held & HELD_SLOT_MASK) << HELD_TO_PIECE_SHIFT);
}
