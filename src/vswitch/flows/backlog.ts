// What waits for links, flow by flow: a queue for each flow as long as it has frames (Backdraft §4.2), and the scheduler
// that says whose turn it is. A link is a number: of a pair of vNICs on the way out, of a vNIC on the way in.
//
// A flow has its own queue while the pool of rings lasts. Then flows that have none yet share one a link, counted, until it
// is empty; so no flow's frames ever overtake each other.

import { type Columns, columnsOf } from '../../base/columns.ts';
import { FLOW_WORDS, type FlowKey } from '../../packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK } from '../../packet/pieces.ts';
import {
  type FlowFacts,
  MAX_WEIGHT,
  PRIORITIES,
  type Scheduler,
  type SchedulerName,
} from '../scheduling/scheduler.ts';
import { newScheduler, type SchedulerState, schedulerFrom } from '../scheduling/schedulers.ts';
import { FlowQueues, type FlowQueuesState } from './flow-queues.ts';
import { FlowTable, type FlowTableState } from './flow-table.ts';
import type { QueueMemory } from './queue-memory.ts';

const FIRST_ROWS = 64;
const MAX_FLOWS = 65_536;
const NONE = -1;

/** Why a frame may not wait. */
export const ADMITTED = 0;
export const OVER_SHARE = 1;
export const NO_RING = 2;
export type Admission = typeof ADMITTED | typeof OVER_SHARE | typeof NO_RING;

/** The key of the queue that flows share: no frame has such. */
const SHARED_KEY: FlowKey = new Uint32Array(FLOW_WORDS).fill(0xffff_ffff);

const FLOWS = {
  /** Whether the scheduler has it: it has frames and is not stopped. */
  active: Uint8Array,
  stopped: Uint8Array,
  /** How many others need the row even when nothing waits. */
  pins: Uint8Array,
  shared: Uint8Array,
  weight: Uint8Array,
  priority: Uint8Array,
} as const;

const LINKS = { flows: Uint32Array, active: Uint32Array, frames: Uint32Array, bytes: Float64Array } as const;

export interface BacklogState {
  readonly table: FlowTableState;
  readonly queues: FlowQueuesState;
  readonly scheduler: SchedulerState;
  readonly flows: Columns<typeof FLOWS>;
  readonly links: Columns<typeof LINKS>;
  readonly frames: number;
  readonly sharing: number;
  readonly framesShared: number;
}

/** Told of rows that end. */
export type FlowEnded = (flow: number) => void;

export class Backlog implements FlowFacts {
  readonly table: FlowTable;
  /** Frames that wait. */
  frames: number;
  /** Frames that had to share a queue with other flows. */
  framesShared: number;
  private readonly memory: QueueMemory;
  private readonly queues: FlowQueues;
  private scheduler: Scheduler;
  private flows: Columns<typeof FLOWS>;
  private links: Columns<typeof LINKS>;
  /** Queues that are shared. */
  private sharing: number;
  private readonly ended: FlowEnded | undefined;
  /** The flow that was packed last. */
  private packed = 0;

  constructor(
    memory: QueueMemory,
    seed: number,
    scheduler: SchedulerName,
    old?: BacklogState,
    ended?: FlowEnded,
  ) {
    this.ended = ended;
    this.memory = memory;
    this.table = new FlowTable(MAX_FLOWS, seed, old?.table);
    this.queues = new FlowQueues(memory.pool, old?.queues);
    this.scheduler = old === undefined ? newScheduler(scheduler, this) : schedulerFrom(old.scheduler, this);
    this.flows = old?.flows ?? columnsOf(FLOWS, FIRST_ROWS);
    this.links = old?.links ?? columnsOf(LINKS, FIRST_ROWS);
    this.frames = old?.frames ?? 0;
    this.sharing = old?.sharing ?? 0;
    this.framesShared = old?.framesShared ?? 0;
  }

  save(): BacklogState {
    const { flows, links, frames, sharing, framesShared, scheduler } = this;
    return {
      table: this.table.save(),
      queues: this.queues.save(),
      scheduler: { name: scheduler.name, state: scheduler.save() } as SchedulerState,
      flows,
      links,
      frames,
      sharing,
      framesShared,
    };
  }

  /** Calls `visit` with the offset of every piece that waits. */
  eachHeld(visit: (offset: number) => void): void {
    for (let flow = 0; flow < this.table.end; flow++)
      if (this.table.isUsed(flow)) this.queues.each(flow, visit);
  }

  get schedulerName(): SchedulerName {
    return this.scheduler.name;
  }

  /** From now on another scheduler decides. Nothing that waits is lost, and each flow's frames stay in order. */
  schedule(now: number, name: SchedulerName): void {
    if (name === this.scheduler.name) return;
    const old = this.scheduler;
    this.scheduler = newScheduler(name, this);
    for (let flow = 0; flow < this.table.end; flow++) {
      if (this.flows.active[flow] === 0 || !this.table.isUsed(flow)) continue;
      old.remove(flow);
      this.scheduler.add(now, this.table.linkOf(flow), flow);
    }
  }

  /** Flows of a link that there are: those that wait, and those that somebody needs. */
  flowsOf(link: number): number {
    return this.links.flows[link] ?? 0;
  }

  /** Flows of a link that wait for their turn and for nothing else. */
  activeOf(link: number): number {
    return this.links.active[link] ?? 0;
  }

  framesOf(link: number): number {
    return this.links.frames[link] ?? 0;
  }

  bytesOf(link: number): number {
    return this.links.bytes[link] ?? 0;
  }

  frontBytes(flow: number): number {
    return this.queues.frontWord(flow) & PIECE_LENGTH_MASK;
  }

  weightOf(flow: number): number {
    return this.flows.weight[flow]!;
  }

  priorityOf(flow: number): number {
    return this.flows.priority[flow]!;
  }

  isStopped(flow: number): boolean {
    return this.flows.stopped[flow] === 1;
  }

  isShared(flow: number): boolean {
    return this.flows.shared[flow] === 1;
  }

  queuedFrames(flow: number): number {
    return this.queues.framesOf(flow);
  }

  queuedBytes(flow: number): number {
    return this.queues.bytesOf(flow);
  }

  ringsOf(flow: number): number {
    return this.queues.ringsOf(flow);
  }

  find(link: number, key: FlowKey): number {
    return this.table.find(link, key);
  }

  /** Where a frame with this key waits: its flow's own queue, or the shared one; -1 when there are too many flows. */
  flowFor(link: number, key: FlowKey): number {
    const known = this.table.find(link, key);
    if (known !== NONE) return known;
    if (this.sharing > 0) {
      const shared = this.table.find(link, SHARED_KEY);
      if (shared !== NONE) return shared;
    }
    return this.memory.hasQueue ? this.begin(link, key, false) : this.begin(link, SHARED_KEY, true);
  }

  /** The row of a flow that somebody needs, even when nothing waits in it; -1 when it has none and can have none. */
  pin(link: number, key: FlowKey): number {
    const known = this.table.find(link, key);
    // Its frames may be among those that share a queue: they would be overtaken.
    if (known === NONE && this.sharing > 0 && this.table.find(link, SHARED_KEY) !== NONE) return NONE;
    const flow = known === NONE ? this.begin(link, key, false) : known;
    if (flow !== NONE) this.flows.pins[flow]!++;
    return flow;
  }

  unpin(flow: number): void {
    this.flows.pins[flow]!--;
    this.endIfIdle(flow);
  }

  /** How urgent a flow is, and its weight among others as urgent. */
  rank(now: number, flow: number, priority: number, weight: number): void {
    const { flows } = this;
    const isActive = flows.active[flow] === 1;
    const level = Math.min(Math.max(priority, 0), PRIORITIES - 1);
    flows.weight[flow] = Math.min(Math.max(weight, 1), MAX_WEIGHT);
    if (level === flows.priority[flow]) return;
    if (isActive) this.scheduler.remove(flow);
    flows.priority[flow] = level;
    if (isActive) this.scheduler.add(now, this.table.linkOf(flow), flow);
  }

  /** Whether a frame of so many bytes and pieces may wait. */
  admits(flow: number, bytes: number, pieces: number): Admission {
    const { memory, queues } = this;
    const more = queues.ringsFor(flow, pieces);
    if (!memory.admitsRings(queues.ringsOf(flow), more, this.isShared(flow))) return NO_RING;
    const linkBytes = this.bytesOf(this.table.linkOf(flow));
    return memory.admitsBytes(bytes, queues.bytesOf(flow), linkBytes) ? ADMITTED : OVER_SHARE;
  }

  /** Puts a piece of an admitted frame behind the others, reference included. */
  push(now: number, flow: number, offset: number, word: number): void {
    const at = this.memory.settle(offset, word & PIECE_LENGTH_MASK);
    this.queues.push(flow, at, word);
    if (word >= PIECE_LAST && this.isShared(flow)) this.framesShared++;
    this.count(flow, word, 1);
    this.activate(now, flow);
  }

  /** Puts a piece in front of the others, reference included; false, and nothing done, when there is no ring at all. */
  pushFront(now: number, flow: number, offset: number, word: number): boolean {
    if (!this.queues.pushFront(flow, offset, word)) return false;
    this.count(flow, word, 1);
    this.activate(now, flow);
    return true;
  }

  /** The flow of a link whose turn it is, or -1. */
  next(link: number): number {
    return this.scheduler.next(link);
  }

  frontOffset(flow: number): number {
    return this.queues.frontOffset(flow);
  }

  frontWord(flow: number): number {
    return this.queues.frontWord(flow);
  }

  /** Takes the first piece out. `served`, or what is put in front again, must follow. */
  shift(flow: number): void {
    this.count(flow, this.queues.frontWord(flow), -1);
    this.queues.shift(flow);
  }

  /** A frame of so many bytes was taken out, and went. */
  served(now: number, flow: number, bytes: number): void {
    if (this.flows.active[flow] === 1) this.scheduler.served(now, flow, bytes);
    if (this.queues.ringsOf(flow) > 0) return;
    this.deactivate(flow);
    this.endIfIdle(flow);
  }

  /** The flow is not served until `start`, whatever waits in it. */
  stop(flow: number): void {
    this.flows.stopped[flow] = 1;
    this.deactivate(flow);
  }

  start(now: number, flow: number): void {
    this.flows.stopped[flow] = 0;
    this.activate(now, flow);
  }

  /**
   * Packs pieces that wait and keep chunks nearly alone, as those of slow flows do when all that came with them is gone; looks at
   * so many at least, if there are, and goes on there the next time.
   */
  pack(pieces: number): void {
    const { end } = this.table;
    for (let flows = 0, left = pieces; flows < end && left > 0; flows++) {
      this.packed = this.packed < end - 1 ? this.packed + 1 : 0;
      if (this.table.isUsed(this.packed)) left -= this.queues.resettle(this.packed, this.memory);
    }
  }

  /** After a turn that failed: a frame may have been taken out, and nobody has said what became of it. */
  mend(): void {
    for (let flow = 0; flow < this.table.end; flow++) {
      if (!this.table.isUsed(flow) || this.queues.ringsOf(flow) > 0) continue;
      this.deactivate(flow);
      this.endIfIdle(flow);
    }
  }

  private begin(link: number, key: FlowKey, shared: boolean): number {
    const flow = this.table.add(link, key);
    if (flow === NONE) return NONE;
    if (flow >= this.flows.active.length)
      this.flows = columnsOf(FLOWS, this.flows.active.length * 2, this.flows);
    this.queues.reach(flow);
    const { flows } = this;
    flows.active[flow] = 0;
    flows.stopped[flow] = 0;
    flows.pins[flow] = 0;
    flows.shared[flow] = shared ? 1 : 0;
    flows.weight[flow] = 1;
    flows.priority[flow] = 0;
    if (shared) this.sharing++;
    const { length } = this.links.flows;
    if (link >= length) this.links = columnsOf(LINKS, Math.max(link + 1, length * 2), this.links);
    this.links.flows[link]!++;
    return flow;
  }

  /** Gives up the row of a flow when nothing waits and nobody needs it. */
  endIfIdle(flow: number): void {
    if (this.flows.pins[flow]! > 0 || this.queues.ringsOf(flow) > 0) return;
    if (this.isShared(flow)) this.sharing--;
    this.links.flows[this.table.linkOf(flow)]!--;
    this.table.remove(flow);
    this.ended?.(flow);
  }

  private activate(now: number, flow: number): void {
    const { active, stopped } = this.flows;
    if (active[flow] === 1 || stopped[flow] === 1 || this.queues.ringsOf(flow) === 0) return;
    active[flow] = 1;
    const link = this.table.linkOf(flow);
    this.links.active[link]!++;
    this.scheduler.add(now, link, flow);
  }

  private deactivate(flow: number): void {
    const { active } = this.flows;
    if (active[flow] === 0) return;
    active[flow] = 0;
    this.links.active[this.table.linkOf(flow)]!--;
    this.scheduler.remove(flow);
  }

  private count(flow: number, word: number, sign: 1 | -1): void {
    const link = this.table.linkOf(flow);
    const { frames, bytes } = this.links;
    bytes[link]! += sign * (word & PIECE_LENGTH_MASK);
    if (word < PIECE_LAST) return;
    frames[link]! += sign;
    this.frames += sign;
  }
}
