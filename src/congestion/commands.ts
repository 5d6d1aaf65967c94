// What datapath and control plane say to each other about one flow (CCP §4.5.1). Messages stay in order on their way;
// neither side trusts what is in them.

export interface ReportMessage {
  readonly flow: number;
  /** Which of the flow's programs wrote it. */
  readonly generation: number;
  /** Counts the flow's reports from 1, modulo 2^32; the answer names it. */
  readonly serial: number;
  /** By the datapath's clock. */
  readonly nowMicros: number;
  readonly values: Float64Array;
}

/** Registers and what to set them to. */
export type RegisterValues = readonly (readonly [register: number, value: number])[];

export type Command =
  | {
      readonly kind: 'install';
      readonly generation: number;
      readonly bytes: Uint8Array;
      readonly values: RegisterValues;
    }
  | { readonly kind: 'update'; readonly values: RegisterValues }
  /** The algorithm has seen this report and is done with it. */
  | { readonly kind: 'answer'; readonly serial: number }
  /** The algorithm failed; the flow is on its own. */
  | { readonly kind: 'abandon'; readonly why: string };
