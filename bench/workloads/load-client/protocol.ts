// What a load client is told on its command line (one argument of JSON) and on standard input, and what it says on
// standard output: lines of JSON.
export interface LoadSpec {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  readonly request: 'get' | 'set';
  /** A connection starts at most one request in this time; 0: the next as soon as the last is answered. */
  readonly intervalMillis: number;
  /** Ends after so many answers; absent: when it is told to stop. */
  readonly requests?: number;
  /** A request without an answer for so long has failed, and its connection is made anew. */
  readonly timeoutMillis: number;
  /** The name of the first phase. */
  readonly phase: string;
  /** Absent: no timeline is kept. */
  readonly timeline?: TimelineSpec;
}

export interface TimelineSpec {
  readonly binMillis: number;
  /** Shorter gaps are not listed. */
  readonly gapMillis: number;
}

/** When what happened, over all phases: times are milliseconds since the epoch. */
export interface Timeline {
  readonly startedAt: number;
  readonly binMillis: number;
  readonly bins: readonly TimelineBin[];
  readonly gaps: readonly CompletionGap[];
  /** When each request that failed was given up. */
  readonly failures: readonly number[];
}

export interface TimelineBin {
  /** Requests answered, and the longest wait for one of them. */
  readonly completed: number;
  readonly longestMillis: number;
  /** Of the gaps on single connections that ended here. */
  readonly longestGapMillis: number;
}

/** A time without an answer on a connection. */
export interface CompletionGap {
  readonly from: number;
  readonly to: number;
}

/** What happened from one mark to the next. Latencies are of answered requests, from the wish to send. */
export interface PhaseReport {
  readonly phase: string;
  readonly seconds: number;
  readonly completed: number;
  /** Not answered in time, answered with an error, or cut off with their connection. */
  readonly failed: number;
  readonly requestsPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly p999Micros: number;
  readonly maxMicros: number;
  /**
   * The longest time between two completions on one connection, whatever happened between them. A gap counts where it
   * ends; those open at the end count up to there.
   */
  readonly longestGapMicros: number;
}

export interface LoadProgress {
  readonly event: 'progress';
  readonly completed: number;
  readonly failed: number;
  /** For how long the connection that waits for longest has had no answer. */
  readonly stalledMillis: number;
}

export type LoadEvent =
  | { readonly event: 'connected' }
  | LoadProgress
  | { readonly event: 'report'; readonly phases: readonly PhaseReport[]; readonly timeline?: Timeline };

/** Lines on standard input; its end is a stop too. */
export const STOP = 'stop';
export const PHASE = 'phase ';
