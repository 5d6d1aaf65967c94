// The sending half of a connection: frames get PSNs, packets get a slot and a header (BIFROST §4.1). A PSN is
// given when the frame leaves its queue, so a numbered packet never waits for anything but the path.

import { BY_PORT, type Outbox } from '../packet/outbox.ts';
import {
  DATA_ACK_REQUIRED,
  DATA_HEADER_BYTES,
  DATA_RETRANSMITTED,
  DATA_SPECIAL,
  DATA_TO_REQUESTER,
  writeDataHeader,
} from '../wire/bifrost-data.ts';
import { threadOfCid } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';
import {
  RECORD_ACKED,
  RECORD_FIRST,
  RECORD_LAST,
  RECORD_LENGTH_MASK,
  RECORD_LOST,
  RECORD_RETRANSMITTED,
  RECORD_SLOT_MASK,
  RECORD_SLOT_SHIFT,
  RECORD_WORDS,
  type SendWindow,
} from './send-window.ts';
import { Sprayer } from './sprayer.ts';
import type { TransportContext } from './types.ts';

const HEADERS = VXLAN_HEADER_BYTES + DATA_HEADER_BYTES;

export class Sender {
  private readonly context: TransportContext;
  private readonly sprayer: Sprayer;

  constructor(context: TransportContext) {
    this.context = context;
    this.sprayer = new Sprayer(context);
  }

  /**
   * Gives a frame its PSNs and a path when there is room for all of it, or for a part; takes over one reference of its
   * chunk.
   */
  accept(now: number, row: number, offset: number, length: number): boolean {
    const { options, region, connections, counters } = this.context;
    const window = connections.send[row]!;
    const { payloadBytes, sprayPackets } = options;
    const packets = length <= payloadBytes ? 1 : Math.ceil(length / payloadBytes);
    if (window.placed !== window.next || window.span + packets > window.limit) return false;
    const part = this.sprayer.place(now, row, window, packets, length)
      ? packets
      : this.sprayer.placePart(now, row, window, packets, length);
    if (part === 0) return false;
    if (packets > 1) region.retain(offset, packets - 1);
    window.reserve(packets);
    const { records, mask } = window;
    let at = 0;
    let word = RECORD_FIRST;
    let left = length;
    let psn = window.next;
    for (let i = 0; i < packets; i++) {
      const size = Math.min(left, payloadBytes);
      left -= size;
      at = (psn & mask) * RECORD_WORDS;
      records[at] = offset;
      records[at + 1] = word | size;
      if (i < part) {
        if (window.group >= sprayPackets) this.sprayer.turn(now, row, window);
        this.putOnSlot(window, at, size);
      }
      word = 0;
      offset += size;
      psn = (psn + 1) >>> 0;
    }
    records[at + 1]! |= RECORD_LAST;
    window.placed = (window.next + part) >>> 0;
    window.next = psn;
    window.inFlightBytes += length;
    connections.tallies.framesSent[row]!++;
    counters.framesSent++;
    return true;
  }

  /** Puts what is lost, and then what is new, into `out`, as far as it has room. True when nothing is left. */
  transmit(now: number, row: number, out: Outbox): boolean {
    const { connections, counters } = this.context;
    const window = connections.send[row]!;
    const { packetsSent, bytesSent } = counters;
    if (window.lostCount > 0) this.retransmit(now, row, window, out);
    if (window.placed !== window.next) this.placeRest(now, row, window);
    if (window.txNext !== window.placed) this.transmitNew(now, row, window, out);
    // The row's share once for all packets of the turn, instead of once a packet.
    connections.tallies.packetsSent[row]! += counters.packetsSent - packetsSent;
    connections.tallies.bytesSent[row]! += counters.bytesSent - bytesSent;
    return window.lostCount === 0 && window.txNext === window.next;
  }

  /** Asks whether a slot is alive: a data packet without payload and without a PSN of its own. */
  probe(now: number, row: number, slot: number, out: Outbox): void {
    this.ask(now, row, slot, slot, this.context.connections.nextPsn(row), out);
  }

  /** Asks the same by the way of a candidate, to be answered by the slot `back` with this label. */
  probeCandidate(
    now: number,
    row: number,
    candidate: number,
    back: number,
    label: number,
    out: Outbox,
  ): void {
    this.ask(now, row, BY_PORT + candidate, back, label, out);
  }

  private ask(now: number, row: number, way: number, pathId: number, label: number, out: Outbox): void {
    const { connections, region } = this.context;
    const end = out.headerEnd();
    const { view } = region.bytes;
    const flags = DATA_SPECIAL | DATA_ACK_REQUIRED;
    writeDataHeader(
      view,
      end - DATA_HEADER_BYTES,
      pathId,
      flags,
      label,
      connections.remoteCid[row]!,
      now >>> 0,
      connections.congestion[row]!.ccType,
      connections.version[row],
    );
    writeVxlanBifrostHeader(view, end - HEADERS, connections.vni[row]!);
    out.add(connections.peer[row]!, way, HEADERS, 0, 0, threadOfCid(connections.remoteCid[row]!));
    this.context.counters.probesSent++;
  }

  private putOnSlot(window: SendWindow, at: number, size: number): void {
    window.group++;
    window.slotBytes[window.slot]! += size;
    window.records[at + 1]! |= window.slot << RECORD_SLOT_SHIFT;
  }

  /** Of a frame of which a part was sent, as much as there is room for by now. */
  private placeRest(now: number, row: number, window: SendWindow): void {
    const { payloadBytes } = this.context.options;
    const { records, mask, next } = window;
    const lastBytes = records[((next - 1) & mask) * RECORD_WORDS + 1]! & RECORD_LENGTH_MASK;
    while (window.placed !== next) {
      const packets = (next - window.placed) >>> 0;
      const part = this.sprayer.placePart(
        now,
        row,
        window,
        packets,
        (packets - 1) * payloadBytes + lastBytes,
      );
      if (part === 0) return;
      for (let i = 0; i < part; i++) {
        const at = (window.placed & mask) * RECORD_WORDS;
        this.putOnSlot(window, at, records[at + 1]! & RECORD_LENGTH_MASK);
        window.placed = (window.placed + 1) >>> 0;
      }
    }
  }

  private transmitNew(now: number, row: number, window: SendWindow, out: Outbox): void {
    const { paths, connections } = this.context;
    const peer = connections.peer[row]!;
    const { records, mask } = window;
    if (window.una === window.txNext) window.owedSince = now;
    while (window.txNext !== window.placed && out.room > 0) {
      const psn = window.txNext;
      const at = (psn & mask) * RECORD_WORDS;
      const placed = (records[at + 1]! & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
      let slot = placed;
      // It turned bad, or is about to change, since the frame was given to it: the next one takes the frame over.
      if (!paths.isOpen(peer, placed)) {
        slot = paths.next(peer, placed, -1, paths.selection(peer, now));
        const bytes = records[at + 1]! & RECORD_LENGTH_MASK;
        window.slotBytes[placed]! -= bytes;
        window.slotBytes[slot]! += bytes;
      }
      this.send(now, row, window, psn, slot, 0, out);
      window.txNext = (psn + 1) >>> 0;
    }
  }

  private retransmit(now: number, row: number, window: SendWindow, out: Outbox): void {
    const { paths, connections, counters } = this.context;
    const peer = connections.peer[row]!;
    while (window.lostCount > 0 && out.room > 0) {
      const psn = window.shiftLost();
      const at = (psn & window.mask) * RECORD_WORDS;
      const word = window.records[at + 1]!;
      if ((word & RECORD_LOST) === 0 || (word & RECORD_ACKED) !== 0) continue;
      const lostOn = (word & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
      window.records[at + 1] = (word & ~RECORD_LOST) | RECORD_RETRANSMITTED;
      const slot = paths.next(peer, lostOn, lostOn, paths.selection(peer, now));
      window.slotBytes[slot]! += word & RECORD_LENGTH_MASK;
      this.send(now, row, window, psn, slot, DATA_RETRANSMITTED | DATA_ACK_REQUIRED, out);
      connections.tallies.retransmissions[row]!++;
      counters.retransmissions++;
    }
  }

  private send(
    now: number,
    row: number,
    window: SendWindow,
    psn: number,
    slot: number,
    flags: number,
    out: Outbox,
  ): void {
    const { connections, counters, region } = this.context;
    const { records } = window;
    const at = (psn & window.mask) * RECORD_WORDS;
    const word = (records[at + 1]! & ~RECORD_SLOT_MASK) | (slot << RECORD_SLOT_SHIFT);
    records[at + 1] = word;
    records[at + 2] = window.nextOrder[slot]!++;
    records[at + 3] = now;
    if (window.inFlight[slot]!++ === 0) window.progressAt[slot] = now;
    const length = word & RECORD_LENGTH_MASK;
    const end = out.headerEnd();
    const { view } = region.bytes;
    const framing = (word >>> 16) & 0xc0;
    const direction = connections.accepted[row] === 1 ? DATA_TO_REQUESTER : 0;
    const cid = connections.remoteCid[row]!;
    writeDataHeader(
      view,
      end - DATA_HEADER_BYTES,
      slot,
      flags | framing | direction,
      psn,
      cid,
      now >>> 0,
      connections.congestion[row]!.ccType,
      connections.version[row],
    );
    writeVxlanBifrostHeader(view, end - HEADERS, connections.vni[row]!);
    out.add(connections.peer[row]!, slot, HEADERS, records[at]!, length, threadOfCid(cid));
    counters.packetsSent++;
    counters.bytesSent += length;
  }
}
