// Earliest deadline first: a flow's first frame is due some time after it became the first, the sooner the more urgent
// its priority is. So whoever is urgent waits for little and yet nobody for ever. Weights do not count. Within a
// priority deadlines are in the order in which they were set, so that only the first flow of each is looked at.

import { type Columns, columnsOf } from '../../base/columns.ts';
import { Levels, type LevelsState } from './levels.ts';
import type { FlowFacts, Scheduler } from './scheduler.ts';

/** What the most urgent priority allows, and each other twice as much as the one before. */
const FIRST_MICROS = 125;

const FIRST_ROWS = 64;
const SHAPE = { dueAt: Float64Array } as const;

export interface EarliestDeadlineState {
  readonly levels: LevelsState;
  readonly columns: Columns<typeof SHAPE>;
}

export class EarliestDeadline implements Scheduler<EarliestDeadlineState> {
  readonly name = 'edf';
  private readonly flows: FlowFacts;
  private readonly levels: Levels;
  private columns: Columns<typeof SHAPE>;

  constructor(flows: FlowFacts, old?: EarliestDeadlineState) {
    this.flows = flows;
    this.levels = new Levels(old?.levels);
    this.columns = old?.columns ?? columnsOf(SHAPE, FIRST_ROWS);
  }

  save(): EarliestDeadlineState {
    return { levels: this.levels.save(), columns: this.columns };
  }

  add(now: number, link: number, flow: number): void {
    const { length } = this.columns.dueAt;
    if (flow >= length) this.columns = columnsOf(SHAPE, Math.max(flow + 1, length * 2), this.columns);
    const priority = this.flows.priorityOf(flow);
    this.columns.dueAt[flow] = now + FIRST_MICROS * (1 << priority);
    this.levels.append(link, flow, priority);
  }

  remove(flow: number): void {
    this.levels.remove(flow);
  }

  next(link: number): number {
    const { levels } = this;
    const { dueAt } = this.columns;
    let earliest = -1;
    for (let level = levels.firstOf(link); level >= 0; level = levels.after(level)) {
      const flow = levels.headOf(level);
      if (earliest < 0 || dueAt[flow]! < dueAt[earliest]!) earliest = flow;
    }
    return earliest;
  }

  served(now: number, flow: number): void {
    const { levels } = this;
    this.columns.dueAt[flow] = now + FIRST_MICROS * (1 << levels.priorityOf(flow));
    levels.rotate(levels.levelOfFlow(flow));
  }
}
