// What the transport asks of congestion control, and all that it tells it. One controller a connection, with a window
// for each of its slots: every slot is a path of its own, and its congestion is its own (BIFROST §D). A sample is only
// good during the call: the next one is written into the same object.

export interface AckSample {
  readonly nowMicros: number;
  readonly slot: number;
  /** Payload bytes sent on the slot and newly known to have arrived. */
  readonly ackedBytes: number;
  // What was measured on the slot (table C1), once a round trip; else all 0.
  /** Round trip less the time the receiver kept it. */
  readonly rttMicros: number;
  /** The fabric's part, less the time our own host took to read the acknowledgement too: the least of the round. */
  readonly fabricMicros: number;
  /** The hosts' part: what the receiver and our own host took. */
  readonly endpointMicros: number;
  /** 0 when unknown. */
  readonly hops: number;
  /** Packets that a rate limit dropped or the network marked (Num_ECE). */
  readonly markedPackets: number;
  /** Of the slot, after this acknowledgement. */
  readonly inFlightBytes: number;
}

export interface LossSample {
  readonly nowMicros: number;
  readonly slot: number;
  readonly lostBytes: number;
  readonly inFlightBytes: number;
}

export interface CongestionController {
  onAck(sample: AckSample): void;
  onLoss(sample: LossSample): void;
  /** The slot did not answer in time. */
  onTimeout(slot: number, nowMicros: number): void;
  cwndBytes(slot: number): number;
  /**
   * How fast a frame larger than the window may be followed by the next, since it goes all the same when nothing else
   * is in flight. Infinity when unpaced.
   */
  pacingBytesPerSecond(slot: number): number;
  /** How fast frames may follow one another however large the window is. Absent, or Infinity: as fast as they come. */
  rateBytesPerSecond?(slot: number): number;
  /** Its connection is at rest or over, and will get another one. */
  close?(): void;
}

/** An algorithm as a VNI is given it. */
export interface CongestionAlgorithm {
  /** As configuration files have it. */
  readonly name: string;
  /** CC Type of the packets it governs (BIFROST §C.1). */
  readonly ccType: number;
  /** For one connection. */
  create(): CongestionController;
}
