// What was decided about paths, and why, for `selvage why`: the last thousand decisions of a data thread, in a ring. Nothing is
// decided by this.

import { type Columns, columnsOf } from '../base/columns.ts';

export const DECISION_NAMES = [
  'slot-left',
  'slot-back',
  'slot-moved',
  'way-back',
  'none-works',
  'slot-slow',
  'slow-stays',
  'candidate-left',
  'candidate-back',
  'mode-full',
  'mode-partial',
  'rankings-reset',
  'alarm',
  'alarm-over',
] as const;
export type DecisionName = (typeof DECISION_NAMES)[number];

/** Why a slot moves: for a fault, for what is known of routes, because no slot works at all, or because its route is slow. */
export const MOVED_BY_REROUTING = 1;
export const MOVED_BY_ROUTES = 2;
export const MOVED_BLINDLY = 3;
export const MOVED_FOR_SLOWNESS = 4;
/** Why a slow slot stays: its own way is fast, so the way back is slow; or no other that is free is clearly faster. */
export const STAYS_FOR_WAY_BACK = 1;
export const STAYS_FOR_NONE_FASTER = 2;

const CAPACITY = 1024;
const COLUMNS = {
  atMicros: Float64Array,
  name: Uint8Array,
  peer: Uint32Array,
  slot: Uint8Array,
  /** Candidates: the one that it is about or that was left, and the one that took its place. */
  candidate: Uint8Array,
  next: Uint8Array,
  /** What it was decided by; what that means depends on the decision. */
  why: Uint8Array,
} as const;

export interface DecisionsState {
  readonly columns: Columns<typeof COLUMNS>;
  readonly count: number;
}

export interface Decision {
  readonly atMicros: number;
  readonly name: DecisionName;
  readonly peer: number;
  readonly slot: number;
  readonly candidate: number;
  readonly next: number;
  readonly why: number;
}

export class Decisions {
  private readonly columns: DecisionsState['columns'];
  private count: number;

  constructor(old?: DecisionsState) {
    this.columns = old?.columns ?? columnsOf(COLUMNS, CAPACITY);
    this.count = old?.count ?? 0;
  }

  save(): DecisionsState {
    return { columns: this.columns, count: this.count };
  }

  add(now: number, name: DecisionName, peer: number, slot = 0, candidate = 0, next = 0, why = 0): void {
    const { columns } = this;
    const at = this.count++ % CAPACITY;
    columns.atMicros[at] = now;
    columns.name[at] = DECISION_NAMES.indexOf(name);
    columns.peer[at] = peer;
    columns.slot[at] = slot;
    columns.candidate[at] = candidate;
    columns.next[at] = next;
    columns.why[at] = why;
  }

  /** The newest last. */
  all(): Decision[] {
    const { columns, count } = this;
    const first = Math.max(0, count - CAPACITY);
    return Array.from({ length: count - first }, (_, i) => {
      const at = (first + i) % CAPACITY;
      return {
        atMicros: columns.atMicros[at]!,
        name: DECISION_NAMES[columns.name[at]!]!,
        peer: columns.peer[at]!,
        slot: columns.slot[at]!,
        candidate: columns.candidate[at]!,
        next: columns.next[at]!,
        why: columns.why[at]!,
      };
    });
  }
}
