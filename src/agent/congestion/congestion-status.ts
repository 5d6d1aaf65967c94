// What the agent says of congestion control at GET /congestion, and what came of POST /congestion/run,
// /set and /end.

export interface CongestionStatus {
  readonly algorithms: readonly AlgorithmStatus[];
  /** In their order; the last one that fits a connection decides. */
  readonly rules: readonly RuleStatus[];
  /** Of all data threads: reports, commands, and what became of them; of `cc.sock`: what made no sense. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface AlgorithmStatus {
  readonly name: string;
  /** `built in`, the file that it was started from, or `socket`: a program has it. */
  readonly from: string;
  readonly state: 'running' | 'ended';
  /** Slots of connections that it decides over, and that are on their own though they are its. */
  readonly controlled: number;
  readonly fallback: number;
  /** Since it was started. */
  readonly reports: number;
  readonly commands: number;
  readonly badMessages: number;
  /** Times that it was started again after it ended by itself. */
  readonly restarts: number;
  /** What went wrong last; absent: nothing. */
  readonly trouble?: string | undefined;
}

export interface RuleStatus {
  readonly algorithm: string;
  readonly governs: string;
}

export interface RunOutcome {
  readonly algorithm: string;
  readonly governs: readonly string[];
  /** Slots in use that it has by now. */
  readonly flows: number;
}

export interface EndOutcome {
  readonly algorithm: string;
  /** What something else governs now. */
  readonly governed: readonly string[];
}
