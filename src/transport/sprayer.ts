// Which slot a packet takes (BIFROST §4.1): groups of packets go round robin over the slots with the lowest round trips,
// as far as their windows have room. A group ends between frames, since a frame of many packets is one offload send;
// only groups smaller than a frame cut it, and windows that are: of such a frame each slot takes as much as it has room
// for, so that a slow link queues what the windows say and not frames of 64 KB.

import { SLOTS } from '../paths/path-table.ts';
import { SLOT_HEALTHY } from '../paths/slot-health.ts';
import { pace, paceDue } from './pacing.ts';
import type { SendWindow } from './send-window.ts';
import type { TransportContext } from './types.ts';

/** More than this waiting is worth paths of its own. */
const FOLLOW_PACKETS = 8;
/** A slot that waits is looked at as often as this: its rate may be another, and a connection that asks does not rest. */
const PACE_CHECK_MICROS = 250_000;

export class Sprayer {
  private readonly context: TransportContext;

  constructor(context: TransportContext) {
    this.context = context;
  }

  /** Puts a frame's first packet on a slot that has room for all of it; false when none has. */
  place(now: number, row: number, window: SendWindow, packets: number, length: number): boolean {
    const { connections, options, paths } = this.context;
    const peer = connections.peer[row]!;
    const selection = paths.selection(peer, now);
    const followed = this.followed(row, peer, window);
    if (followed >= 0 && this.hasRoom(now, window, followed, packets, length)) {
      window.group = 0;
      return this.take(now, window, followed, length);
    }
    const { sprayPackets } = options;
    const goesOn = window.group + Math.min(packets, sprayPackets) <= sprayPackets;
    if (
      goesOn &&
      this.isUsable(peer, window.slot, selection) &&
      this.hasRoom(now, window, window.slot, packets, length)
    )
      return this.take(now, window, window.slot, length);
    let slot = window.slot;
    for (let i = 0; i < SLOTS; i++) {
      slot = paths.next(peer, slot, -1, selection);
      if (this.hasRoom(now, window, slot, packets, length)) {
        window.group = 0;
        return this.take(now, window, slot, length);
      }
    }
    return false;
  }

  /**
   * Puts the next packets of a frame that has nowhere room for all of it on a slot; how many, 0 when none has room. To
   * wait until it can go whole was measured to be slower: parts keep the receiver busy.
   */
  placePart(now: number, row: number, window: SendWindow, packets: number, length: number): number {
    const { connections, options, paths } = this.context;
    const { payloadBytes, sprayPackets } = options;
    const peer = connections.peer[row]!;
    const selection = paths.selection(peer, now);
    let slot = window.slot;
    for (let i = 0; i < SLOTS; i++) {
      slot = paths.next(peer, slot, -1, selection);
      const cwnd = Math.floor(window.congestion.cwndBytes(slot) / payloadBytes);
      const inFlight = window.slotBytes[slot]!;
      const room = inFlight === 0 ? Math.max(1, cwnd) : cwnd - Math.ceil(inFlight / payloadBytes);
      const part = Math.min(packets, room, sprayPackets);
      // Each part is an offload send, of which a window is a few.
      if (part < Math.min(packets, sprayPackets, Math.max(1, cwnd >> 2)) || !this.isDue(now, window, slot))
        continue;
      window.group = 0;
      this.take(now, window, slot, Math.min(length, part * payloadBytes));
      return part;
    }
    return 0;
  }

  /** Goes on to the next slot in the middle of a frame. */
  turn(now: number, row: number, window: SendWindow): void {
    const { connections, paths } = this.context;
    const peer = connections.peer[row]!;
    window.slot = paths.next(peer, window.slot, -1, paths.selection(peer, now));
    window.group = 0;
  }

  private take(now: number, window: SendWindow, slot: number, length: number): true {
    pace(now, window, slot, length);
    window.slot = slot;
    window.pacedUntil = Number.POSITIVE_INFINITY;
    return true;
  }

  /** One packet may go however small the window is, when nothing else is on its way and it is not too soon. */
  private hasRoom(now: number, window: SendWindow, slot: number, packets: number, length: number): boolean {
    const inFlight = window.slotBytes[slot]!;
    const isAlone = inFlight === 0 && packets === 1;
    if (!isAlone && inFlight + length > window.congestion.cwndBytes(slot)) return false;
    return this.isDue(now, window, slot);
  }

  private isDue(now: number, window: SendWindow, slot: number): boolean {
    if (window.pacedBytes[slot] === 0) return true;
    const due = paceDue(window, slot);
    if (due <= now) return true;
    window.pacedUntil = Math.min(window.pacedUntil, due, now + PACE_CHECK_MICROS);
    return false;
  }

  /** A slot that was followed need not be one of the selected. */
  private isUsable(peer: number, slot: number, selection: number): boolean {
    return this.context.paths.stateOf(peer, slot) === SLOT_HEALTHY && ((selection >> slot) & 1) === 1;
  }

  /**
   * For a few small packets the slot that the peer's came by, or -1: the acknowledgement that goes back there then joins
   * their bundle, and the fabric and the peer handle one offload packet instead of two. Of two ends that both send
   * little, one leads and takes turns as ever.
   */
  private followed(row: number, peer: number, window: SendWindow): number {
    const { connections, paths } = this.context;
    const receive = connections.receive[row]!;
    if (receive.pending === 0 || (window.next - window.txNext) >>> 0 >= FOLLOW_PACKETS) return -1;
    if (connections.accepted[row] === 0 && !receive.bulk) return -1;
    return paths.stateOf(peer, receive.latestSlot) === SLOT_HEALTHY ? receive.latestSlot : -1;
  }
}
