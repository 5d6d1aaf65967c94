// What the clients' engine says of itself: plain data, since it travels between threads.

export interface ClientsReport {
  readonly sessions: readonly SessionReport[];
  /** Connections that have not said hello. */
  readonly greeting: number;
  readonly sharedBytes: number;
  readonly opened: number;
  readonly closed: number;
  readonly refused: number;
  /** Sessions that ended because the engine threw while it served them. */
  readonly interrupted: number;
  readonly records: number;
  readonly wakes: number;
  /** Sessions that were ended for what the client did, by its fault. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface SessionReport {
  readonly pid: number;
  readonly uid: number;
  readonly service: string;
  readonly records: number;
  readonly sharedBytes: number;
}
