// What the transport asks of congestion control, and all that it tells it. One controller a connection. A sample is
// only good during the call: the next one is written into the same object.

export interface AckSample {
  readonly nowMicros: number;
  /** Payload bytes newly known to have arrived. */
  readonly ackedBytes: number;
  /** Round trip less the receiver's delay; 0 when this acknowledgement gave no sample. */
  readonly rttMicros: number;
  readonly inFlightBytes: number;
}

export interface LossSample {
  readonly nowMicros: number;
  readonly lostBytes: number;
  readonly inFlightBytes: number;
}

export interface CongestionController {
  onAck(sample: AckSample): void;
  onLoss(sample: LossSample): void;
  onTimeout(nowMicros: number): void;
  cwndBytes(): number;
  /** Infinity when unpaced. */
  pacingBytesPerSecond(): number;
}
