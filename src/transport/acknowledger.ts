// When and what to acknowledge (BIFROST §4.3, appendix C.3). An acknowledgement rides along with data that goes to
// the peer anyway, or leaves when enough has come, when something is missing or came twice, when the sender asked,
// or at the latest after a short delay: each one of its own wakes the peer up.

import type { Outbox } from '../packet/outbox.ts';
import { SLOTS } from '../paths/path-table.ts';
import { ACK_DELAY_MICROS } from '../paths/round-trips.ts';
import {
  ACK_CUMULATIVE,
  ACK_HEADER_BYTES,
  ACK_MAX_BITMAP_WORDS,
  ACK_MAX_COUNT,
  ACK_MAX_HOPS,
  ACK_MAX_VALUE,
  ACK_WINDOW,
  writeAckHeader,
  writeAckWindow,
} from '../wire/bifrost-ack.ts';
import { threadOfCid } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';
import type { ReceiveWindow } from './receive-window.ts';
import type { TransportContext } from './types.ts';

/** Packets after which one leaves at once. */
const ACK_PACKETS = 128;
/** Each active slot is described at least this often while its data flows. */
const SLOT_INTERVAL_MICROS = 1000;
const BITMAP_PACKETS = ACK_MAX_BITMAP_WORDS * 32;

export class Acknowledger {
  private readonly context: TransportContext;
  private readonly bitmap = new Uint32Array(ACK_MAX_BITMAP_WORDS);

  constructor(context: TransportContext) {
    this.context = context;
  }

  /** A packet of the connection came; `now` or the sender's wish decide when that is said. */
  onPacket(window: ReceiveWindow, slot: number, arrivedAt: number, urgent: boolean): void {
    window.unacked[slot]!++;
    window.latestSlot = slot;
    window.pending++;
    window.ackDue = Math.min(window.ackDue, arrivedAt + ACK_DELAY_MICROS);
    if (urgent || window.pending >= ACK_PACKETS) window.ackDue = 0;
  }

  /** A packet of the slot, acknowledged or not, was dropped or marked by a rate limit (BIFROST §7.1). */
  onMarked(now: number, window: ReceiveWindow, slot: number): void {
    window.marked[slot]!++;
    window.pending = Math.max(1, window.pending);
    window.ackDue = Math.min(window.ackDue, now + ACK_DELAY_MICROS);
  }

  /** Sends what is due; with `riding`, whatever is pending. */
  transmit(now: number, row: number, riding: boolean, out: Outbox): void {
    const window = this.context.connections.receive[row]!;
    if (window.pending === 0 || out.room === 0 || (!riding && window.ackDue > now)) return;
    // The newest slot first: data that goes the same way is the open bundle.
    this.acknowledge(now, row, window, window.latestSlot, out);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (!hasNews(window, slot) || out.room === 0) continue;
      if (now - window.ackedAt[slot]! < SLOT_INTERVAL_MICROS) continue;
      this.acknowledge(now, row, window, slot, out);
    }
    window.pending = 0;
    window.ackDue = this.laterDue(window);
    // A window of more than 256 packets needs more than one bitmap: they are shown in turn.
    const beyond = (window.end - window.base) >>> 0;
    if (beyond > BITMAP_PACKETS && out.room > 0) this.showNextWindow(now, row, window, beyond, out);
  }

  /** Answers a probe on the slot it came by. */
  answerProbe(
    now: number,
    row: number,
    slot: number,
    psn: number,
    echo: number,
    arrived: number,
    hops: number,
    out: Outbox,
  ): void {
    const { connections } = this.context;
    if (out.room === 0) return;
    const at = this.header(now, row, slot, true, hops, 0, psn, echo, arrived, out);
    const base = connections.basePsn(row);
    const words = connections.receive[row]?.bitmap(base, this.bitmap) ?? 0;
    this.add(row, slot, at, ACK_CUMULATIVE, 0, 0, base, words, out);
  }

  /** Slots left out above are described when their interval is over. */
  private laterDue(window: ReceiveWindow): number {
    let due = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (!hasNews(window, slot)) continue;
      due = Math.min(due, window.ackedAt[slot]! + SLOT_INTERVAL_MICROS);
      window.pending = 1;
    }
    return due;
  }

  private acknowledge(now: number, row: number, window: ReceiveWindow, slot: number, out: Outbox): void {
    const duplicates = Math.min(ACK_MAX_VALUE, window.duplicates[slot]!);
    const psn = window.newestPsn[slot]!;
    const at = this.header(
      now,
      row,
      slot,
      false,
      window.hops[slot]!,
      duplicates,
      psn,
      window.echo[slot]!,
      window.arrivedAt[slot]!,
      out,
    );
    const words = window.bitmap(window.base, this.bitmap);
    const marked = Math.min(ACK_MAX_COUNT, window.marked[slot]!);
    this.add(
      row,
      slot,
      at,
      ACK_CUMULATIVE,
      Math.min(ACK_MAX_COUNT, window.unacked[slot]!),
      marked,
      window.base,
      words,
      out,
    );
    window.duplicates[slot]! -= duplicates;
    window.marked[slot]! -= marked;
    window.unacked[slot] = 0;
    window.ackedAt[slot] = now;
  }

  private showNextWindow(now: number, row: number, window: ReceiveWindow, beyond: number, out: Outbox): void {
    window.windowCursor += BITMAP_PACKETS;
    if (window.windowCursor >= beyond) window.windowCursor = BITMAP_PACKETS;
    const from = (window.base + window.windowCursor) >>> 0;
    const slot = window.latestSlot;
    const psn = window.newestPsn[slot]!;
    const hops = window.hops[slot]!;
    const { echo, arrivedAt } = window;
    const at = this.header(now, row, slot, false, hops, 0, psn, echo[slot]!, arrivedAt[slot]!, out);
    this.add(row, slot, at, ACK_WINDOW, 0, 0, from, window.bitmap(from, this.bitmap), out);
  }

  /** Writes everything in front of the bitmap for an acknowledgement of the largest size; where it starts. */
  private header(
    now: number,
    row: number,
    slot: number,
    special: boolean,
    hops: number,
    duplicates: number,
    psn: number,
    echo: number,
    arrivedAt: number,
    out: Outbox,
  ): number {
    const { connections, region } = this.context;
    const at = out.headerEnd() - ACK_HEADER_BYTES - 4 * ACK_MAX_BITMAP_WORDS;
    const { view } = region.bytes;
    const cid = connections.remoteCid[row]!;
    const hopCount = Math.min(hops, ACK_MAX_HOPS);
    writeAckHeader(
      view,
      at,
      slot,
      special,
      hopCount,
      duplicates,
      psn,
      cid,
      now >>> 0,
      echo,
      arrivedAt >>> 0,
      connections.congestion[row]!.ccType,
      connections.version[row],
    );
    return at;
  }

  private add(
    row: number,
    slot: number,
    at: number,
    type: number,
    count: number,
    marked: number,
    base: number,
    words: number,
    out: Outbox,
  ): void {
    const { connections, region, counters } = this.context;
    const { view } = region.bytes;
    const length = writeAckWindow(view, at, type, count, marked, base, this.bitmap, 0, words);
    writeVxlanBifrostHeader(view, at - VXLAN_HEADER_BYTES, connections.vni[row]!);
    const lane = threadOfCid(connections.remoteCid[row]!);
    out.addAt(connections.peer[row]!, slot, at - VXLAN_HEADER_BYTES, VXLAN_HEADER_BYTES + length, lane);
    counters.acksSent++;
  }
}

/** Whether an acknowledgement of the slot would count anything. */
function hasNews(window: ReceiveWindow, slot: number): boolean {
  return window.unacked[slot] !== 0 || window.marked[slot] !== 0;
}
