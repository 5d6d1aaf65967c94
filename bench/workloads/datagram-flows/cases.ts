// What the program that sends and receives datagrams is told (one argument of JSON), and what it says.

/** Where datagrams go and come from: a native endpoint, or a socket. */
export interface Vnic {
  /** Of an endpoint: its name and socket; absent: UDP sockets of the namespace. */
  readonly vnic?: string;
  readonly socket?: string;
}

export interface SendSpec extends Vnic {
  readonly role: 'send';
  readonly address: string;
  readonly flows: number;
  /** Of an IP packet. */
  readonly packetBytes: number;
  /** Of all flows together; absent: as fast as they go. */
  readonly packetsPerSecond?: number;
}

export interface ReceiveSpec extends Vnic {
  readonly role: 'receive';
  readonly packetBytes: number;
  /** What it does with each packet takes so long. */
  readonly microsPerPacket: number;
  /** And half of that, when so many milliseconds have passed since the first packet. */
  readonly twiceAsFastAfterMillis?: number;
  /** Packets that it takes at once; absent: BATCH. */
  readonly batch?: number;
}

export type DatagramSpec = SendSpec | ReceiveSpec;

export const PORT = 9300;
export const IP_UDP_BYTES = 28;
/** Packets of a call. */
export const BATCH = 64;
/** Between two lines. */
export const TELL_MILLIS = 10;

/** A line: packets since the beginning, at a time since the epoch. The first one says that it is ready. */
export interface Told {
  readonly atMillis: number;
  readonly packets: number;
  /** Since when a receiver is twice as fast. */
  readonly fasterSinceMillis?: number;
}
