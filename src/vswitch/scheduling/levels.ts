// The flows of each link in order, level by level: a ring of flows for each priority that occurs. In typed arrays, and
// every change takes as long as there are priorities.

import { type Columns, columnsOf, grown } from '../../base/columns.ts';

const FIRST_ROWS = 64;
const NONE = -1;

const FLOWS = { next: Uint32Array, previous: Uint32Array, level: Uint32Array } as const;
const LEVELS = { link: Uint32Array, priority: Uint8Array, head: Uint32Array, after: Int32Array } as const;

export interface LevelsState {
  readonly flows: Columns<typeof FLOWS>;
  readonly levels: Columns<typeof LEVELS>;
  readonly first: Int32Array;
  readonly free: number;
  readonly fresh: number;
}

export class Levels {
  /** Of a flow: its neighbours in the ring of its level. */
  private flows: Columns<typeof FLOWS>;
  private levels: Columns<typeof LEVELS>;
  /** The most urgent level of each link. */
  private first: Int32Array;
  private free: number;
  private fresh: number;

  constructor(old?: LevelsState) {
    this.flows = old?.flows ?? columnsOf(FLOWS, FIRST_ROWS);
    this.levels = old?.levels ?? columnsOf(LEVELS, FIRST_ROWS);
    this.first = old?.first ?? new Int32Array(FIRST_ROWS).fill(NONE);
    this.free = old?.free ?? NONE;
    this.fresh = old?.fresh ?? 0;
  }

  save(): LevelsState {
    const { flows, levels, first, free, fresh } = this;
    return { flows, levels, first, free, fresh };
  }

  /** Puts a flow, which is nowhere, behind the others of its priority; its level. */
  append(link: number, flow: number, priority: number): number {
    this.reach(link, flow);
    const level = this.levelOf(link, priority);
    const { next, previous, level: levelOfFlow } = this.flows;
    levelOfFlow[flow] = level;
    const head = this.levels.head[level]!;
    if (head === 0) {
      this.levels.head[level] = flow + 1;
      next[flow] = flow;
      previous[flow] = flow;
      return level;
    }
    const last = previous[head - 1]!;
    next[last] = flow;
    previous[flow] = last;
    next[flow] = head - 1;
    previous[head - 1] = flow;
    return level;
  }

  remove(flow: number): void {
    const { next, previous, level } = this.flows;
    const { head } = this.levels;
    const row = level[flow]!;
    const following = next[flow]!;
    if (following === flow) {
      head[row] = 0;
      this.giveLevel(row);
      return;
    }
    const before = previous[flow]!;
    next[before] = following;
    previous[following] = before;
    if (head[row] === flow + 1) head[row] = following + 1;
  }

  /** The most urgent level of a link that has flows, or -1. */
  firstOf(link: number): number {
    return link < this.first.length ? this.first[link]! : NONE;
  }

  /** The next level of the same link, less urgent, or -1. */
  after(level: number): number {
    return this.levels.after[level]!;
  }

  levelOfFlow(flow: number): number {
    return this.flows.level[flow]!;
  }

  priorityOf(flow: number): number {
    return this.levels.priority[this.flows.level[flow]!]!;
  }

  headOf(level: number): number {
    return this.levels.head[level]! - 1;
  }

  /** The first flow of the level becomes the last. */
  rotate(level: number): void {
    const { head } = this.levels;
    head[level] = this.flows.next[head[level]! - 1]! + 1;
  }

  private levelOf(link: number, priority: number): number {
    const { levels } = this;
    let before = NONE;
    let level = this.first[link]!;
    while (level !== NONE && levels.priority[level]! < priority) {
      before = level;
      level = levels.after[level]!;
    }
    if (level !== NONE && levels.priority[level] === priority) return level;
    const added = this.takeLevel();
    this.levels.link[added] = link;
    this.levels.priority[added] = priority;
    this.levels.head[added] = 0;
    this.levels.after[added] = level;
    if (before === NONE) this.first[link] = added;
    else this.levels.after[before] = added;
    return added;
  }

  private takeLevel(): number {
    const level = this.free;
    if (level !== NONE) {
      this.free = this.levels.after[level]!;
      return level;
    }
    const { length } = this.levels.head;
    if (this.fresh === length) this.levels = columnsOf(LEVELS, length * 2, this.levels);
    return this.fresh++;
  }

  private giveLevel(level: number): void {
    const { link, after } = this.levels;
    const owner = link[level]!;
    if (this.first[owner] === level) {
      this.first[owner] = after[level]!;
    } else {
      let before = this.first[owner]!;
      while (after[before] !== level) before = after[before]!;
      after[before] = after[level]!;
    }
    after[level] = this.free;
    this.free = level;
  }

  private reach(link: number, flow: number): void {
    const { length } = this.flows.next;
    if (flow >= length) this.flows = columnsOf(FLOWS, Math.max(flow + 1, length * 2), this.flows);
    if (link < this.first.length) return;
    this.first = grown(new Int32Array(Math.max(link + 1, this.first.length * 2)).fill(NONE), this.first);
  }
}
