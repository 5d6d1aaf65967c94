// The edges of the switch. The same interfaces are implemented by system calls (device/tap, device/udp), by
// memory (device/memory) for the simulator and tests, and by middleware that wraps either.

import type { Inbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import type { PieceList } from './pieces.ts';

/** The largest frame of a vNIC: 64 KB of IP, Ethernet with a VLAN tag, virtio_net_hdr. */
export const MAX_FRAME_BYTES = 65_535 + 18 + 10;

/**
 * A vNIC. Frames carry a 10-byte virtio_net_hdr in front of the Ethernet header, both ways.
 */
export interface FrameDevice {
  /** Reads whole frames, one piece each with a reference of its own, until `out` is full or none is left; their number. */
  rx(out: PieceList): number;
  /** Writes the frames of the list from piece `from` on; pieces consumed. The caller keeps (and releases) all references. */
  tx(frames: PieceList, from: number): number;
  /** Frames lost at this device, by the system's count or because there was no memory for them. */
  readonly dropped: number;
}

/** The other data threads of the host, each with memory of its own. */
export interface Siblings {
  /** Gives `thread` a copy of `length` bytes at `at`, which came with run `run`; false when it has no room for them. */
  handOver(thread: number, inbox: Inbox, run: number, at: number, length: number): boolean;
}

/** The fabric: datagrams to VTEPs, each sent from the UDP source port that its slot uses towards that peer. */
export interface UnderlayDevice {
  /** Receives runs of datagrams until `inbox` is full or none is left. True when none was left. */
  rx(inbox: Inbox): boolean;
  /** Sends every bundle; packets the system would not take are lost and counted. Headers are complete. */
  tx(outbox: Outbox): void;
  /** Lets a slot to a peer use another source port, by its number; at first it is that of the slot's own number. */
  bindSlot(peer: number, slot: number, candidate: number): void;
  /** Whether there is a source port of this number: somebody else may have it. */
  hasPort(candidate: number): boolean;
  readonly dropped: number;
}
