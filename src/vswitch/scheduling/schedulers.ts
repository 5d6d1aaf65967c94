// The schedulers there are, by their names.

import { DeficitRoundRobin, type DeficitRoundRobinState } from './deficit-round-robin.ts';
import { EarliestDeadline, type EarliestDeadlineState } from './earliest-deadline.ts';
import type { FlowFacts, Scheduler, SchedulerName } from './scheduler.ts';

export type SchedulerState =
  | { readonly name: 'drr'; readonly state: DeficitRoundRobinState }
  | { readonly name: 'edf'; readonly state: EarliestDeadlineState };

export function newScheduler(name: SchedulerName, flows: FlowFacts): Scheduler {
  return name === 'drr' ? new DeficitRoundRobin(flows) : new EarliestDeadline(flows);
}

/** One that goes on from a state. */
export function schedulerFrom(saved: SchedulerState, flows: FlowFacts): Scheduler {
  return saved.name === 'drr'
    ? new DeficitRoundRobin(flows, saved.state)
    : new EarliestDeadline(flows, saved.state);
}
