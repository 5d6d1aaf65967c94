// Deficit round robin (Shreedhar & Varghese) among the flows of a priority, which share by weight in bytes; a more
// urgent priority goes first. A flow's turn ends when its first frame is larger than what it has left, which it keeps for
// its next turn; who has no more frames keeps nothing. Constant time for a quantum's bytes, however many flows wait.

import { type Columns, columnsOf } from '../../base/columns.ts';
import { Levels, type LevelsState } from './levels.ts';
import type { FlowFacts, Scheduler } from './scheduler.ts';

/** Bytes of a turn for each unit of weight: a packet and a half, so that what is short waits for little. */
const QUANTUM_BYTES = 2048;

const FIRST_ROWS = 64;
const SHAPE = { credit: Float64Array, inTurn: Uint8Array } as const;

export interface DeficitRoundRobinState {
  readonly levels: LevelsState;
  readonly columns: Columns<typeof SHAPE>;
}

export class DeficitRoundRobin implements Scheduler<DeficitRoundRobinState> {
  readonly name = 'drr';
  private readonly flows: FlowFacts;
  private readonly levels: Levels;
  private columns: Columns<typeof SHAPE>;

  constructor(flows: FlowFacts, old?: DeficitRoundRobinState) {
    this.flows = flows;
    this.levels = new Levels(old?.levels);
    this.columns = old?.columns ?? columnsOf(SHAPE, FIRST_ROWS);
  }

  save(): DeficitRoundRobinState {
    return { levels: this.levels.save(), columns: this.columns };
  }

  add(_now: number, link: number, flow: number): void {
    const { length } = this.columns.credit;
    if (flow >= length) this.columns = columnsOf(SHAPE, Math.max(flow + 1, length * 2), this.columns);
    this.columns.credit[flow] = 0;
    this.columns.inTurn[flow] = 0;
    this.levels.append(link, flow, this.flows.priorityOf(flow));
  }

  remove(flow: number): void {
    this.levels.remove(flow);
  }

  next(link: number): number {
    const { levels, flows } = this;
    const { credit, inTurn } = this.columns;
    const level = levels.firstOf(link);
    if (level < 0) return -1;
    for (;;) {
      const flow = levels.headOf(level);
      if (inTurn[flow] === 0) {
        inTurn[flow] = 1;
        credit[flow]! += QUANTUM_BYTES * flows.weightOf(flow);
      }
      if (flows.frontBytes(flow) <= credit[flow]!) return flow;
      inTurn[flow] = 0;
      levels.rotate(level);
    }
  }

  served(_now: number, flow: number, bytes: number): void {
    this.columns.credit[flow]! -= bytes;
  }
}
