// What a datapath of the control plane counts, and what another one, of newer code, goes on from: plain data.

import type { SlotFlowState } from './slot-flow.ts';

export interface PlaneCounters {
  reports: number;
  /** Reports that the algorithm's ring had no room for. */
  reportsRefused: number;
  commands: number;
  /** Commands for flows that there are no more, and what was no message. */
  commandsLate: number;
  commandsBad: number;
  fallbacks: number;
}

export interface PlaneTrouble {
  readonly algorithm: string;
  readonly detail: string;
}

export interface PlaneState {
  readonly counters: PlaneCounters;
  readonly connections: readonly ConnectionState[];
  readonly closing: readonly ClosingFlow[];
  readonly known: readonly number[];
  readonly troubles: readonly PlaneTrouble[];
}

export interface ConnectionState {
  readonly pair: number;
  readonly algorithm: string;
  readonly detail: string;
  readonly slots: readonly (SlotFlowState | undefined)[];
}

/** A flow that is over, and whose algorithm could not be told yet. */
export interface ClosingFlow {
  readonly link: number;
  readonly id: number;
}

/** Of one connection, for people. */
export interface GovernedConnection {
  /** Who decides, slot by slot; absent: the slot is not used. */
  readonly slots: readonly ('algorithm' | 'fallback' | undefined)[];
  /** Why one of its slots fell back last; '' if none did. */
  readonly detail: string;
}

export function newCounters(): PlaneCounters {
  return { reports: 0, reportsRefused: 0, commands: 0, commandsLate: 0, commandsBad: 0, fallbacks: 0 };
}
