// Which of the flows that wait for a link is served next: a part of the switch that can be replaced while traffic flows
// (Backdraft §4.1: programmable scheduling, with the priorities and weights that doorbells bring). A link is what flows
// wait for together: a connection, or a vNIC.

export const PRIORITIES = 8;
export const MAX_WEIGHT = 255;

export const SCHEDULER_NAMES = ['drr', 'edf'] as const;
export type SchedulerName = (typeof SCHEDULER_NAMES)[number];
export function isScheduler(name: string): name is SchedulerName {
  return (SCHEDULER_NAMES as readonly string[]).includes(name);
}

export const DEFAULT_SCHEDULER: SchedulerName = 'drr';

/** What a scheduler may ask of a flow. */
export interface FlowFacts {
  /** Of its first frame, or of the first piece of one that has several. */
  frontBytes(flow: number): number;
  /** From 1 to MAX_WEIGHT. */
  weightOf(flow: number): number;
  /** 0 is the most urgent, PRIORITIES - 1 the least. */
  priorityOf(flow: number): number;
}

export interface Scheduler<State = unknown> {
  readonly name: SchedulerName;
  /** From now on the flow, which did not, waits for the link. */
  add(now: number, link: number, flow: number): void;
  /** It does not any more. */
  remove(flow: number): void;
  /** Which flow of the link to serve, or -1. Nothing is decided by asking: the answer stays until something changes. */
  next(link: number): number;
  /** The first frame of the flow that `next` named, of so many bytes, went; whether it has another is not known yet. */
  served(now: number, flow: number, bytes: number): void;
  save(): State;
}
