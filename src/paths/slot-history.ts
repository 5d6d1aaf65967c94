// What became of each slot, for people: since when it is in its state, why it was left last, what it was asked and did
// not answer. Kept beside the path table, which decides; nothing is decided by this.

import { grown } from '../base/columns.ts';

/** Why a slot was left. */
export const LEFT_NEVER = 0;
/** A connection's packets on it were not acknowledged in time. */
export const LEFT_SILENCE = 1;
export const LEFT_PROBE = 2;
/** Of what was sent on it, too much was lost. */
export const LEFT_LOSS = 3;
export type LeftWhy = typeof LEFT_SILENCE | typeof LEFT_PROBE | typeof LEFT_LOSS;

const COUNTS = ['timeouts', 'probes', 'answers', 'suspected', 'failed', 'recovered', 'rebound'] as const;
type Count = (typeof COUNTS)[number];

/** One value a slot of each peer. */
export interface SlotHistoryState extends Readonly<Record<Count, Uint32Array>> {
  readonly since: Float64Array;
  readonly leftAt: Float64Array;
  readonly suspectedBy: Uint8Array;
  readonly failedBy: Uint8Array;
}

/** Of one slot; times as the path table was told them. */
export interface SlotStory extends Readonly<Record<Count, number>> {
  /** When it came into its state. */
  readonly since: number;
  /** When it was left last; 0 when never. */
  readonly leftAt: number;
  /** Why it became suspect then, and why bad: LEFT_NEVER when it did not. */
  readonly suspectedBy: number;
  readonly failedBy: number;
}

export class SlotHistory {
  private columns: SlotHistoryState;

  constructor(old?: SlotHistoryState) {
    this.columns = old ?? newColumns(0);
  }

  save(): SlotHistoryState {
    return this.columns;
  }

  of(at: number): SlotStory {
    const { since, leftAt, suspectedBy, failedBy } = this.columns;
    const counts = Object.fromEntries(COUNTS.map((name) => [name, this.columns[name][at]!]));
    return {
      since: since[at]!,
      leftAt: leftAt[at]!,
      suspectedBy: suspectedBy[at]!,
      failedBy: failedBy[at]!,
      ...(counts as Record<Count, number>),
    };
  }

  /** A new slot comes into service. */
  began(at: number, nowMicros: number): void {
    this.columns.since[at] = nowMicros;
  }

  timedOut(at: number): void {
    this.columns.timeouts[at]!++;
  }

  probed(at: number): void {
    this.columns.probes[at]!++;
  }

  answered(at: number): void {
    this.columns.answers[at]!++;
  }

  suspect(at: number, why: LeftWhy, nowMicros: number): void {
    const { columns } = this;
    columns.suspected[at]!++;
    columns.suspectedBy[at] = why;
    columns.failedBy[at] = LEFT_NEVER;
    columns.leftAt[at] = nowMicros;
    columns.since[at] = nowMicros;
  }

  fail(at: number, why: LeftWhy, nowMicros: number): void {
    const { columns } = this;
    columns.failed[at]!++;
    columns.failedBy[at] = why;
    columns.since[at] = nowMicros;
  }

  recover(at: number, nowMicros: number): void {
    this.columns.recovered[at]!++;
    this.columns.since[at] = nowMicros;
  }

  rebind(at: number): void {
    this.columns.rebound[at]!++;
  }

  grow(slots: number): void {
    this.columns = newColumns(slots, this.columns);
  }
}

function newColumns(slots: number, old?: SlotHistoryState): SlotHistoryState {
  const counts = COUNTS.map((name) => [name, grown(new Uint32Array(slots), old?.[name])]);
  return {
    since: grown(new Float64Array(slots), old?.since),
    leftAt: grown(new Float64Array(slots), old?.leftAt),
    suspectedBy: grown(new Uint8Array(slots), old?.suspectedBy),
    failedBy: grown(new Uint8Array(slots), old?.failedBy),
    ...(Object.fromEntries(counts) as Record<Count, Uint32Array>),
  };
}
