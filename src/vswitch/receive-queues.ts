// Frames on their way in that their vNIC does not take yet, in a queue for each flow (Backdraft §4.2): who takes slowly
// delays its own flow. A frame that waits here was delivered, as its sender's host sees it: it is in memory that this
// host will not drop, unless a flow has more than its share.

import { type Columns, columnsOf } from '../base/columns.ts';
import { FLOW_WORDS, type FlowKey } from '../packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, type PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import { CommonQueue, type CommonQueueState } from './common-queue.ts';
import type { ReceiveQueueing } from './config.ts';
import { ADMITTED, Backlog, type BacklogState, NO_RING } from './flows/backlog.ts';
import { FlowKeys } from './flows/flow-keys.ts';
import type { QueueMemory } from './flows/queue-memory.ts';
import type { SchedulerName } from './scheduling/scheduler.ts';

const FIRST_ROWS = 64;

/** Where a flow comes from: its pair of vNICs, or `fromPort`; for a frame whose sender is not known, ORIGIN_UNKNOWN. */
export const ORIGIN_UNKNOWN = -1;
export const NO_DEVICE_FLOW = -1;

/** The origin of frames of a vNIC of this host. */
export function fromPort(port: number): number {
  return -2 - port;
}

/** The port of such an origin, or -1 for other origins. */
export function portOfOrigin(origin: number): number {
  return origin <= -2 ? -2 - origin : -1;
}

/** Of everything, where all flows of a vNIC have one queue: no frame's own. */
const EVERY_FLOW: FlowKey = new Uint32Array(FLOW_WORDS).fill(0xffff_fffe);

const FLOWS = {
  origin: Int32Array,
  /** Of a flow of a native endpoint on this host: its number there. */
  originFlow: Int32Array,
} as const;

/** Is told what waits and what was taken, flow by flow (Backdraft §4.3). */
export interface ReceiveWatch {
  arrived(now: number, flow: number, bytes: number): void;
  taken(now: number, flow: number, bytes: number): void;
  /** Bytes came for which there was no room. */
  refused(now: number, flow: number): void;
  /** Of a flow that `isAsked`: its owner took bytes that never waited. */
  passed(now: number, flow: number, bytes: number): void;
  /** Its sender may be held to a rate. */
  isAsked(flow: number): boolean;
  /** The flow's number may be another's from now on. */
  forget(flow: number): void;
}

export interface ReceiveQueuesOptions {
  /** What the hashes of flows start from. */
  readonly seed: number;
  readonly scheduler: SchedulerName;
  readonly queueing?: ReceiveQueueing | undefined;
}

export interface ReceiveQueuesState {
  readonly backlog: BacklogState;
  readonly common: CommonQueueState | undefined;
  readonly flows: Columns<typeof FLOWS>;
}

export type ReceiveDrop = 'vnicFull' | 'noReceiveRing' | 'badOffload' | 'noCutMemory';

export class ReceiveQueues {
  readonly backlog: Backlog;
  /** In front of all, where everybody's frames have one queue. */
  readonly common: CommonQueue | undefined;
  readonly region: Region;
  private readonly keys: FlowKeys;
  private flows: Columns<typeof FLOWS>;
  private watch: ReceiveWatch | undefined;
  private readonly isShared: boolean;
  private readonly mostFrames: number;

  constructor(
    region: Region,
    memory: QueueMemory,
    { seed, scheduler, queueing }: ReceiveQueuesOptions,
    old?: ReceiveQueuesState,
  ) {
    this.isShared = queueing?.shared ?? false;
    const frames = queueing?.frames ?? Number.POSITIVE_INFINITY;
    const stopsAll = queueing?.stopsAll ?? false;
    this.mostFrames = stopsAll ? Number.POSITIVE_INFINITY : frames;
    this.common = stopsAll ? new CommonQueue(frames, old?.common) : undefined;
    this.region = region;
    this.keys = new FlowKeys(region.bytes);
    this.backlog = new Backlog(memory, seed, scheduler, old?.backlog, (flow) => this.watch?.forget(flow));
    this.flows = old?.flows ?? columnsOf(FLOWS, FIRST_ROWS);
  }

  save(): ReceiveQueuesState {
    return { backlog: this.backlog.save(), common: this.common?.save(), flows: this.flows };
  }

  get frames(): number {
    return this.backlog.frames + (this.common?.frames ?? 0);
  }

  eachHeld(visit: (offset: number) => void): void {
    this.backlog.eachHeld(visit);
    this.common?.eachHeld(visit);
  }

  /** A flow has a queue that no other has, and none in front of it. */
  get isEachItsOwn(): boolean {
    return !this.isShared && this.common === undefined;
  }

  watchedBy(watch: ReceiveWatch): void {
    this.watch = watch;
  }

  /** Of the frame that is the pieces from `start` to `end`; good until the next one is asked for. */
  keyOf(frames: PieceList, start: number, end: number): FlowKey {
    return this.isShared ? EVERY_FLOW : this.keys.classifyPieces(frames, start, end);
  }

  /** The switch is to take no frames of anybody, since those that wait have no room left. */
  get stopsEverybody(): boolean {
    return this.common?.stops(this.frames) ?? false;
  }

  originOf(flow: number): number {
    return this.flows.origin[flow]!;
  }

  originFlowOf(flow: number): number {
    return this.flows.originFlow[flow]!;
  }

  /** Who sends the flow. */
  comesFrom(flow: number, origin: number, originFlow: number): void {
    const { length } = this.flows.origin;
    if (flow >= length) this.flows = columnsOf(FLOWS, Math.max(flow + 1, length * 2), this.flows);
    this.flows.origin[flow] = origin;
    this.flows.originFlow[flow] = originFlow;
  }

  /** Where a frame with this key waits for a vNIC whose flows share it, or -1. */
  flowFor(port: number, key: FlowKey, origin: number, originFlow: number): number {
    const flow = this.backlog.flowFor(port, key);
    if (flow >= 0 && this.backlog.ringsOf(flow) === 0) this.comesFrom(flow, origin, originFlow);
    return flow;
  }

  /** Lets the frame that is the pieces from `start` to `end` wait, references included; or says why not. */
  push(now: number, flow: number, frames: PieceList, start: number, end: number): ReceiveDrop | undefined {
    const { backlog } = this;
    const { words } = frames;
    const bytes = bytesOf(frames, start, end);
    if (backlog.queuedFrames(flow) >= this.mostFrames) return 'vnicFull';
    const admission = backlog.admits(flow, bytes, end - start);
    if (admission !== ADMITTED) {
      this.watch?.refused(now, flow);
      return admission === NO_RING ? 'noReceiveRing' : 'vnicFull';
    }
    for (let i = start; i < end; i++) backlog.push(now, flow, words[i * 2]!, words[i * 2 + 1]!);
    this.watch?.arrived(now, flow, bytes);
    return undefined;
  }

  /** Moves whole frames of a flow into an empty list, as many as are wanted and fit, but one at least. */
  load(flow: number, out: PieceList, frames = Number.POSITIVE_INFINITY): void {
    const { backlog } = this;
    for (let loaded = 0; loaded < frames && backlog.queuedFrames(flow) > 0; loaded++) {
      const { count } = out;
      let word = 0;
      do {
        if (out.count === out.capacity) {
          this.unload(0, flow, out, count);
          return;
        }
        word = backlog.frontWord(flow);
        out.push(backlog.frontOffset(flow), word);
        backlog.shift(flow);
      } while (word < PIECE_LAST);
    }
  }

  /** Puts back, in front, what was loaded from piece `from` on. */
  unload(now: number, flow: number, frames: PieceList, from: number): void {
    const { words } = frames;
    for (let i = frames.count - 1; i >= from; i--)
      this.backlog.pushFront(now, flow, words[i * 2]!, words[i * 2 + 1]!);
    frames.count = from;
  }

  /** A native endpoint had room for the frames up to piece `end`, and none of the flow waited. */
  passed(now: number, flow: number, frames: PieceList, end: number): void {
    if (this.watch?.isAsked(flow) === true) this.watch.passed(now, flow, bytesOf(frames, 0, end));
  }

  /** What was loaded, and not put back, was taken by the vNIC. */
  taken(now: number, flow: number, frames: PieceList): void {
    const bytes = bytesOf(frames, 0, frames.count);
    this.watch?.taken(now, flow, bytes);
    this.backlog.served(now, flow, bytes);
  }
}

/** Of the pieces from `from` on, up to `end`. */
function bytesOf({ words }: PieceList, from: number, end: number): number {
  let bytes = 0;
  for (let i = from; i < end; i++) bytes += words[i * 2 + 1]! & PIECE_LENGTH_MASK;
  return bytes;
}
