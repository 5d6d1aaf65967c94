// What the switch is told about its host: plain data, made from the validated configuration.

import type { HostAddress, Ipv4Address, Ipv6Address, Mac } from '../wire/address.ts';
import { DATA_HEADER_BYTES } from '../wire/bifrost-data.ts';
import { IPV4_MIN_HEADER_BYTES } from '../wire/ipv4.ts';
import { IPV6_HEADER_BYTES } from '../wire/ipv6.ts';
import { UDP_HEADER_BYTES } from '../wire/udp.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import type { AcceptRule } from './receive-rules.ts';
import type { SchedulerName } from './scheduling/scheduler.ts';

/** The algorithms of the transport itself, by the names that configuration files give them. */
export const NATIVE_NAMES = ['swift', 'constant', 'none'] as const;
export type NativeName = (typeof NATIVE_NAMES)[number];

export function isNative(name: string): name is NativeName {
  return (NATIVE_NAMES as readonly string[]).includes(name);
}

export interface AddressSet {
  readonly ipv4: readonly Ipv4Address[];
  readonly ipv6: readonly Ipv6Address[];
}

export interface PortConfig extends AddressSet {
  readonly name: string;
  readonly mac: Mac;
  /** Frames from here may only bear the MAC and the addresses above. */
  readonly sourceCheck: boolean;
  /** The data thread that it belongs to; absent: the first. */
  readonly thread?: number;
  /** Only frames that one of these rules describes may come in; absent: all. */
  readonly accept?: readonly AcceptRule[];
  /** And so many bytes of them; absent: as many as come. */
  readonly receiveBytesPerSecond?: number;
}

export interface RemoteVnicConfig extends AddressSet {
  readonly mac: Mac;
}

export interface RemoteConfig {
  readonly vtep: HostAddress;
  readonly vnics: readonly RemoteVnicConfig[];
}

export interface NetworkConfig {
  readonly vni: number;
  /** False: plain VXLAN that any VTEP understands. */
  readonly reliable: boolean;
  /** Frames leave for their vNIC in the order they were sent; absent: true. */
  readonly reorder?: boolean;
  /** What governs its connections, native or of the control plane; absent: a constant window. */
  readonly congestion?: string;
  readonly ports: readonly PortConfig[];
  readonly remotes: readonly RemoteConfig[];
}

/** All frames from vNICs come through one queue, as others do it, to be compared with (Backdraft §6.2). */
export interface InputQueueing {
  /** That it has room for; what comes when it is full is dropped. */
  readonly frames: number;
}

/** How frames wait for their vNICs. What is not the default is how others do it, to be compared with (Backdraft §6.2). */
export interface ReceiveQueueing {
  /** All flows of a vNIC have one queue, as in other switches (Backdraft §2); absent: each has its own (Backdraft §4.2). */
  readonly shared?: boolean | undefined;
  /** Frames that a queue has room for; absent: it grows as long as there is memory. */
  readonly frames?: number | undefined;
  /**
   * The room is that of one queue for all vNICs, and nothing is dropped: what is first holds up all, and while there is
   * no room the switch takes no frames of anybody, as switches with PFC do.
   */
  readonly stopsAll?: boolean | undefined;
}

export interface SwitchConfig {
  /** The largest UDP payload that the underlay carries whole. */
  readonly datagramBytes: number;
  readonly windowPackets: number;
  /** Which of the host's data threads this is, and how many there are; absent: one. */
  readonly threadId: number;
  readonly threads?: number;
  /** Packets that go down one path before the next is taken; absent: the paper's. */
  readonly sprayPackets?: number;
  /** Which of the flows that wait goes next; absent: deficit round robin. */
  readonly scheduler?: SchedulerName;
  /** Whether senders of flows that wait too long here are asked to pause, and such requests obeyed; absent: true. */
  readonly pauses?: boolean;
  /** Whether queues of native endpoints are read when doorbells name them, or else all are looked at each turn; absent: true. */
  readonly doorbells?: boolean;
  /** Absent: there is none. */
  readonly input?: InputQueueing | undefined;
  /** Absent: a queue a flow, which grows. */
  readonly receive?: ReceiveQueueing;
  readonly networks: readonly NetworkConfig[];
}

/** Data threads that a host may have. */
export const MAX_THREADS = 8;

/** VXLAN and data header. */
export const TRANSPORT_OVERHEAD_BYTES = VXLAN_HEADER_BYTES + DATA_HEADER_BYTES;

/** The largest UDP payload on an underlay of `mtu` bytes: less an IPv4 or IPv6 header without options, and UDP's. */
export function datagramBytes(mtu: number, family: 4 | 6): number {
  return mtu - (family === 4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES) - UDP_HEADER_BYTES;
}
