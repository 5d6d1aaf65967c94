// One side's half of a session's memory, and what is found to be wrong with the other's. Whatever the other side writes is
// copied and checked; the first thing that cannot be is noted, and the session is closed for it.

export interface Half {
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
}

export function halfOf(buffer: ArrayBuffer): Half {
  return { i32: new Int32Array(buffer), u32: new Uint32Array(buffer) };
}

/** What a peer can do wrong. */
export const FAULTS = ['none', 'badIndex', 'badDoorbell', 'badBlock', 'badReturn', 'badMessage'] as const;
export type Fault = (typeof FAULTS)[number];

/** Shared by all parts of a session; keeps the first fault. */
export class Health {
  fault: Fault;

  constructor(fault: Fault = 'none') {
    this.fault = fault;
  }

  blame(fault: Fault): void {
    if (this.fault === 'none') this.fault = fault;
  }
}
