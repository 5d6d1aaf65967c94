// What the programs of flow-completion say to each other, and to who started them.

export interface FlowsSpec {
  readonly port: number;
  readonly servers: number;
  readonly flowsPerSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface FlowsReport {
  /** In the order of their completion. */
  readonly flows: readonly (readonly [bytes: number, millis: number])[];
  readonly unfinished: number;
  readonly connections: number;
}

/** Before each flow, its length as two words, the low one first; behind it the receiver answers with a byte. */
export const HEADER_BYTES = 8;
