// What rerouting's programs are told when they are put in place.

import type { TcHook } from '../linux/bpf/tc.ts';
import type { HostAddress } from '../wire/address.ts';

/** A network device, in the namespace of whoever asks. */
export interface UnderlayDevice {
  readonly name: string;
  readonly index: number;
}

/** Where an overlay's packets come from, and go to: its programs are told from others' by port and family. */
export interface OverlayEnd {
  /** UDP port. */
  readonly port: number;
  readonly local: HostAddress;
}

export interface KernelHalfOptions {
  /** Those that carry the overlay. */
  readonly devices: readonly UnderlayDevice[];
  /** UDP port of the overlay: packets to it are looked at. */
  readonly port: number;
  /** This host's addresses in the underlay, one at least; the first MAX_LOCALS of them count. */
  readonly locals: readonly [HostAddress, ...HostAddress[]];
  /** Answers by the port that an inner flow came by (ZooRoute §4.1). */
  readonly learns?: boolean;
  readonly maxPeers?: number;
  /** Room of the states array, in elements of 8 bytes. */
  readonly maxElements?: number;
  /** Inner flows that are learned; more, and the oldest are forgotten. */
  readonly maxFlows?: number;
  /** Without a heartbeat for so long, everything is left alone. */
  readonly staleMicros?: number;
  /** Captured packets a second and processor. */
  readonly peersPerSecond?: number;
  readonly strangersPerSecond?: number;
  /** Filters also where the kernel has something newer. */
  readonly hook?: TcHook;
  /** Also takes packets that update the table (ZooRoute §5.2), which needs Linux 5.17. */
  readonly takesUpdates?: boolean;
}

export const DEFAULTS = {
  learns: false,
  maxPeers: 4096,
  maxElements: 4096,
  maxFlows: 65_536,
  staleMicros: 30e6,
  peersPerSecond: 30_000,
  strangersPerSecond: 3_000,
} as const;
