// What moves in the model of pauses, and how hosts and links are set up.

/** What links and the core know of a packet: hosts, by number. */
export interface Parcel {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

export interface Packet extends Parcel {
  /** Its flow's number in the world. */
  readonly flow: number;
}

export const PACKET_BYTES = 1_500;

export interface FlowSetup {
  /** Hosts, by number. */
  readonly from: number;
  readonly to: number;
  /** What it has to send; Infinity: always more. */
  readonly offeredBytesPerSecond: number;
  /** How fast its owner takes, by time. */
  readonly takesBytesPerSecond: (nowMicros: number) => number;
}

export interface CoreOptions {
  readonly hosts: number;
  /** Has pause frames of its own (PFC) on every link, and never drops. */
  readonly losslessCore: boolean;
  readonly linkBytesPerSecond: number;
  /** One way over one link. */
  readonly hopMicros: number;
}

export interface PauseWorldOptions extends CoreOptions {
  readonly seed: number;
  /** Overlay pause frames between the hosts' switches. */
  readonly overlay: boolean;
  /** What a connection has on its way at most. */
  readonly windowBytes: number;
  /** Of overlay pause frames. */
  readonly frameLossRate: number;
}

export const PAUSE_WORLD: PauseWorldOptions = {
  seed: 1,
  hosts: 4,
  overlay: true,
  losslessCore: false,
  linkBytesPerSecond: 1.25e9,
  hopMicros: 10,
  windowBytes: 512 * PACKET_BYTES,
  frameLossRate: 0,
};
