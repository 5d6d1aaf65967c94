// What one host is configured to be: the validated, immutable form of its YAML file. Addresses are values, not text;
// defaults are filled in; whatever is here has passed every check that can be made without looking at the machine.
import type { InputQueueing, ReceiveQueueing } from '../../vswitch/config.ts';
import type { AcceptRule } from '../../vswitch/receive-rules.ts';
import type { SchedulerName } from '../../vswitch/scheduling/scheduler.ts';
import type { Cidr, Ipv4Address, Ipv6Address, Mac } from '../../wire/address.ts';

export interface HostConfig {
  /** A name for people: shown by `selvage status`. */
  readonly host: string;
  /** Absolute path of the folder for the agent's socket and lock. */
  readonly runtimeDir: string;
  /** Data threads; vNICs are dealt out to them in turn. */
  readonly threads: number;
  readonly underlay: UnderlayConfig;
  readonly transport: TransportConfig;
  readonly queues: QueuesConfig;
  readonly clients: ClientsConfig;
  readonly vnis: readonly VniConfig[];
}

export interface UnderlayConfig {
  /** This host's VTEP. */
  readonly address: IpAddress;
  /** UDP destination port of the overlay, the same on all hosts. */
  readonly port: number;
  /** The first of the consecutive UDP source ports that path slots may use. */
  readonly sourcePorts: number;
  /** Bytes; absent: that of the interface that has the address. */
  readonly mtu?: number | undefined;
}

export interface TransportConfig {
  /** Packets that a connection may have in flight. */
  readonly window: number;
  /** Packets that go down one path before the next is taken. */
  readonly sprayPackets: number;
  /** Says whose turn it is of the flows that wait. */
  readonly scheduler: SchedulerName;
}

export interface QueuesConfig {
  /** Whether senders of flows that wait too long are asked to pause, and such requests obeyed. */
  readonly pauses: boolean;
  /** False: all queues of native endpoints are looked at, instead of those that doorbells name. */
  readonly doorbells: boolean;
  /** Absent: vNICs' frames are forwarded as they are read. */
  readonly input?: InputQueueing | undefined;
  readonly receive: ReceiveQueueing;
}

export interface ClientsConfig {
  /** Whose members may open sessions besides root; absent: nobody. */
  readonly group?: string | undefined;
  /** Sessions that one user may have at once, root included. */
  readonly sessionsPerUser: number;
  /** Whose executor serves them: a thread of their own, or the first of those that forward packets. */
  readonly thread: 'services' | 'data';
}

export interface VniConfig {
  readonly vni: number;
  /** False: plain VXLAN, as a kernel VXLAN device speaks it. */
  readonly reliable: boolean;
  /** Frames leave for their vNIC in the order they were sent; else the tenants' stacks put them in order. */
  readonly reorder: boolean;
  /** What governs its connections: native, or an algorithm of the control plane by its name or its file's path. */
  readonly congestion: string;
  readonly vnics: readonly VnicConfig[];
  readonly remotes: readonly RemoteConfig[];
}

export interface VnicConfig {
  /** Name of the interface, or of the endpoint. */
  readonly name: string;
  /** No interface, but an application's own vNIC in shared memory. */
  readonly endpoint: boolean;
  /** Whose members may own the endpoint besides root; absent: those of clients.group. */
  readonly group?: string | undefined;
  /** Absolute path of the network namespace the interface is in; absent: the agent's own. */
  readonly netns?: string | undefined;
  readonly mac: Mac;
  /** Assigned to the interface, and with `sourceCheck` the only sources that may send. */
  readonly addresses: readonly Cidr[];
  /** Bytes; absent: as much as the underlay leaves (config/mtu.ts). */
  readonly mtu?: number | undefined;
  /** Frames from other MAC or IP addresses than the vNIC's own are dropped. */
  readonly sourceCheck: boolean;
  /** Frames that may come in; absent: all. Rules look at single frames: answers need one, too. */
  readonly accept?: readonly AcceptRule[] | undefined;
  /** Bits per second that may come in; absent: as many as come. */
  readonly receiveRate?: number | undefined;
}

export interface RemoteConfig {
  /** Of the same family as this host's own. */
  readonly vtep: IpAddress;
  readonly vnics: readonly RemoteVnicConfig[];
}

export interface RemoteVnicConfig {
  readonly mac: Mac;
  readonly addresses: readonly IpAddress[];
}

export type IpAddress =
  | { readonly family: 4; readonly address: Ipv4Address }
  | { readonly family: 6; readonly address: Ipv6Address };

/** A configuration that some checks have failed on: what they failed on is undefined. */
export type Draft<T> = T extends Cidr | IpAddress
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Draft<Item> | undefined)[]
    : T extends object
      ? { readonly [Key in keyof T]?: Draft<T[Key]> | undefined }
      : T;
