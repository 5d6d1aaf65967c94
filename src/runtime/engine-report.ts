// What is said of an engine to people: `selvage engines`. Plain data, since it travels between threads.

import type { Slot, SlotState } from './slot.ts';

export interface EngineReport {
  readonly executor: string;
  readonly engine: string;
  readonly version: number;
  readonly state: SlotState | 'leaving';
  readonly turns: number;
  /** Units of work: for the switch frames, and runs of packets as the kernel joined them. */
  readonly work: number;
  readonly busyMicros: number;
  readonly longestTurnMicros: number;
  readonly restarts: number;
  readonly lastError?: string | undefined;
  readonly replacements: number;
  /** Absent before the first replacement. */
  readonly lastGapMicros?: number | undefined;
}

export function reportOf(executor: string, slot: Slot): EngineReport {
  const { name, factory, leaving, turns, work, busyMicros, longestTurnMicros } = slot;
  const { restarts, lastError, replacements, lastGapMicros } = slot;
  return {
    executor,
    engine: name,
    version: factory.version,
    state: leaving ? 'leaving' : slot.state,
    turns,
    work,
    busyMicros,
    longestTurnMicros,
    restarts,
    lastError,
    replacements,
    lastGapMicros: replacements === 0 ? undefined : lastGapMicros,
  };
}
