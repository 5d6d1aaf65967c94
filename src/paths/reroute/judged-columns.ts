// What the judge of ports and the score of switching keep: part of the slow table, and of an agent's table of candidates.

export const JUDGED_PEER = {
  /** When an answer last came. */
  heardAt: Float64Array,
  isSilent: Uint8Array,
  /** Smoothed round trip over whatever port. */
  srtt: Float64Array,
  suspects: Uint8Array,
  /** When some port was last found bad, and when all were last asked at once. */
  confirmedAt: Float64Array,
  burstAt: Float64Array,
  /** Requests up to this one have been told of: received, or lost on the way there. */
  toldUpTo: Uint32Array,
  hasTold: Uint8Array,
} as const;

export const SCORED_PEER = {
  switches: Uint32Array,
  switchScore: Float64Array,
  switchedAt: Float64Array,
  alarmSince: Float64Array,
} as const;

export const JUDGED_PORT = {
  state: Uint8Array,
  /** The last five results, as last-five.ts has them. */
  failures: Uint8Array,
  failedInARow: Uint8Array,
  answeredInARow: Uint8Array,
  /** The last failure was an answer that took too long. */
  wasSlow: Uint8Array,
  srtt: Float64Array,
  failureFreeSince: Float64Array,
  /** Of the probe that failed last. */
  failedSequence: Uint32Array,
  failedSentAt: Float64Array,
  lost: Uint32Array,
} as const;
