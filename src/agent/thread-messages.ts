// What the agent's main thread and its data thread say to each other. The data thread sleeps in epoll and not in its
// event loop: a message to it is posted and then announced through the eventfd.

import type { UnderlaySockets } from '../device/udp.ts';
import type { SwitchConfig } from '../vswitch/config.ts';
import type { HostAddress } from '../wire/address.ts';
import type { CaptureStart } from './capture.ts';

export interface DataThreadStart {
  readonly config: SwitchConfig;
  /** TAP descriptors, in the order of the switch's ports. */
  readonly taps: readonly number[];
  readonly underlay: UnderlaySockets;
  readonly wakeFd: number;
  readonly seed: number;
  /** Absent: nobody looks at what passes. */
  readonly capture?: CaptureStart | undefined;
}

export type ToDataThread = { readonly type: 'report'; readonly id: number } | { readonly type: 'stop' };

export type FromDataThread =
  | { readonly type: 'ready' }
  /** The TAP of a port was removed behind our back. */
  | { readonly type: 'gone'; readonly port: number }
  | { readonly type: 'report'; readonly id: number; readonly report: DataThreadReport };

/** Plain numbers of the switch, its transport and its devices. */
export interface DataThreadReport {
  readonly counters: Record<string, number>;
  readonly dropped: Record<string, number>;
  /** For each peer its eight slots: state and smoothed round trip. */
  readonly peers: readonly { readonly vtep: HostAddress; readonly slots: readonly SlotReport[] }[];
  readonly connections: readonly ConnectionReport[];
}

export interface SlotReport {
  readonly state: number;
  readonly rttMicros: number;
}

export interface ConnectionReport {
  readonly vni: number;
  readonly localMac: number;
  readonly remoteMac: number;
  readonly peer: number;
  readonly state: number;
  readonly packetsInFlight: number;
}
