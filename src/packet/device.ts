// The edges of the switch. The same interfaces are implemented by system calls (device/tap, device/udp), by
// memory (device/memory) for the simulator and tests, and by middleware that wraps either.

import { FLOW_KEY_WORDS } from '../wire/flow-key.ts';
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

/** A flow's identity: the ten words of wire/flow-key.ts, then the native flow id (0: the sender gave none). */
export type FlowKey = Uint32Array;
export const FLOW_WORDS = FLOW_KEY_WORDS + 1;
export const NATIVE_FLOW = FLOW_KEY_WORDS;

/** A vNIC whose flows have queues of their own both ways: a native endpoint (Backdraft §4.1, §4.2). */
export interface FlowDevice extends FrameDevice {
  /** Of the frames that the last `rx` gave, in order: the device's number of each one's flow. */
  readonly rxFlows: Uint32Array;
  /** Gives no more frames of this flow until `resume`: its owner sees a full queue. */
  hold(flow: number): void;
  resume(flow: number): void;
  /** As the owner's doorbells said: 1 is the least weight, 0 the most urgent priority. */
  weightOf(flow: number): number;
  priorityOf(flow: number): number;
  /** A receive queue for a flow; -1 while the device has no ring left. The key is the caller's: copy what is kept. */
  open(key: FlowKey): number;
  /** Frames for receive queue `queue` from piece `from` on; pieces consumed, fewer when it is full. References stay the caller's. */
  txFlow(queue: number, frames: PieceList, from: number): number;
  /**
   * The next receive queue that refused frames and has room again, once for each refusal; or, with none open, one that is
   * empty and that its owner is done with. -1 for none.
   */
  nextRoomy(): number;
  /** Nothing waits for it any more and the flow is idle: its ring goes back to the pool. */
  close(queue: number): void;
}

export function isFlowDevice(device: FrameDevice): device is FlowDevice {
  return 'txFlow' in device;
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
