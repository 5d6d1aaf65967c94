// Frames on their way out that must wait: for their connection's window or handshake, or because their flow is paused. A
// queue for each flow of a pair of vNICs (Backdraft §4.2), and the scheduler chooses among those of a pair. A frame
// has no PSN while it waits, so a pause holds up nothing that is numbered.
//
// A frame whose pair has no flows here needs no queue and is not even classified: see `isClear`.

import { type Columns, columnsOf } from '../base/columns.ts';
import { type FlowKey, MAX_FRAME_BYTES } from '../packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK } from '../packet/pieces.ts';
import { RowSet, type RowSetState } from '../transport/row-set.ts';
import { ADMITTED, Backlog, type BacklogState, NO_RING } from './flows/backlog.ts';
import type { DeviceHolds } from './flows/device-holds.ts';
import type { QueueMemory } from './flows/queue-memory.ts';
import type { SchedulerName } from './scheduling/scheduler.ts';

/** Frames of a pair that wait for a handshake. */
const OPENING_FRAMES = 64;
/** A flow of a native endpoint that has a BDP here is held (Backdraft §4.2), though not below a super-frame, nor beyond this. */
const LEAST_HOLD_BYTES = MAX_FRAME_BYTES;
const MOST_HOLD_BYTES = 1 << 20;
/** And before what it may give at once would find no room. */
const HOLD_FRAMES = 64;

const FIRST_ROWS = 64;
const FLOWS = {
  /** Whether it holds a flow of a native endpoint: the one with this number, at this port. */
  holds: Uint8Array,
  port: Uint32Array,
  deviceFlow: Uint32Array,
  /** It goes on when no more than this waits. */
  resumeBytes: Uint32Array,
  gated: Uint8Array,
} as const;

/** What may hold up single flows: pauses, and rates behind them (Backdraft §4.3). Flows are rows of the backlog. */
export interface FlowGate {
  /** When the flow may send its next frame: at once if that is not after `now`. */
  readyAt(now: number, flow: number): number;
  /** It sent a frame of so many bytes. */
  sent(now: number, flow: number, bytes: number): void;
  /** It has a frame to send and may not yet: `wake` is to be called when it may. */
  park(now: number, flow: number): void;
}

/** Takes a frame out of the queues, reference included; false when it must go on waiting. */
export type TakeFrame = (pair: number, flow: number, offset: number, length: number) => boolean;

export interface SendQueuesOptions {
  /** What the hashes of flows start from. */
  readonly seed: number;
  readonly scheduler: SchedulerName;
  /** What a pair has in flight: while frames wait for it, its rate times its round trip. */
  readonly inFlightBytes: (pair: number) => number;
}

export interface SendQueuesState {
  readonly backlog: BacklogState;
  readonly waiting: RowSetState;
  readonly flows: Columns<typeof FLOWS>;
}

export class SendQueues {
  readonly backlog: Backlog;
  private readonly holds: DeviceHolds;
  /** Pairs with flows whose turn may come. */
  private readonly waiting: RowSet;
  private flows: Columns<typeof FLOWS>;
  private gate: FlowGate | undefined;
  private readonly inFlightBytes: (pair: number) => number;

  constructor(
    memory: QueueMemory,
    holds: DeviceHolds,
    { seed, scheduler, inFlightBytes }: SendQueuesOptions,
    old?: SendQueuesState,
  ) {
    this.holds = holds;
    this.inFlightBytes = inFlightBytes;
    this.backlog = new Backlog(memory, seed, scheduler, old?.backlog);
    this.waiting = new RowSet(old?.waiting);
    this.flows = old?.flows ?? columnsOf(FLOWS, FIRST_ROWS);
  }

  save(): SendQueuesState {
    const { flows } = this;
    return {
      backlog: this.backlog.save(),
      waiting: this.waiting.save(),
      flows,
    };
  }

  /** Whoever decides about gated flows. */
  guardedBy(gate: FlowGate): void {
    this.gate = gate;
  }

  /** Whether a frame of the pair may go at once, whatever its flow. */
  isClear(pair: number): boolean {
    return this.backlog.flowsOf(pair) === 0;
  }

  /** The same of a single flow, by its key. */
  isFlowClear(pair: number, key: FlowKey): boolean {
    const { backlog, flows } = this;
    if (backlog.activeOf(pair) > 0) return false;
    const flow = backlog.find(pair, key);
    return flow < 0 || (flows.gated[flow] !== 1 && backlog.queuedFrames(flow) === 0);
  }

  framesOf(pair: number): number {
    return this.backlog.framesOf(pair);
  }

  bytesOf(pair: number): number {
    return this.backlog.bytesOf(pair);
  }

  /** Frames of all pairs. */
  get frames(): number {
    return this.backlog.frames;
  }

  /**
   * Queues a frame, reference included, or says why not. `port` and `deviceFlow` are of the endpoint that it comes from;
   * `deviceFlow` -1: its vNIC has no flows. While a connection is being opened few frames wait for it.
   */
  push(
    now: number,
    pair: number,
    key: FlowKey,
    offset: number,
    length: number,
    established: boolean,
    port: number,
    deviceFlow: number,
  ): 'queueFull' | 'noRing' | undefined {
    const { backlog } = this;
    const isFull = !established && backlog.framesOf(pair) >= OPENING_FRAMES;
    // An endpoint is told to wait instead.
    if (isFull && deviceFlow < 0) return 'queueFull';
    const flow = this.flowFor(pair, key);
    if (flow < 0) return 'noRing';
    const admission = backlog.admits(flow, length, 1);
    // What an endpoint gave is kept beyond its share, too: its flow is held now, and the device reads no more than has room.
    if (admission === NO_RING || (admission !== ADMITTED && deviceFlow < 0)) {
      backlog.endIfIdle(flow);
      return admission === NO_RING ? 'noRing' : 'queueFull';
    }
    backlog.push(now, flow, offset, length + PIECE_LAST);
    this.waiting.add(pair);
    if (deviceFlow >= 0 && !backlog.isShared(flow)) this.fromDevice(now, flow, port, deviceFlow, isFull);
    return undefined;
  }

  /** Puts a frame of a flow in front of its others, reference included; false when there is no room at all. */
  putFirst(now: number, pair: number, key: FlowKey, offset: number, length: number): boolean {
    const flow = this.flowFor(pair, key);
    if (flow < 0) return false;
    if (!this.backlog.pushFront(now, flow, offset, length + PIECE_LAST)) {
      this.backlog.endIfIdle(flow);
      return false;
    }
    this.waiting.add(pair);
    return true;
  }

  /** Offers frames to `take`, pair by pair, until it refuses one of each; it may put others first. */
  pump(now: number, take: TakeFrame): void {
    for (let left = this.waiting.count; left > 0; left--) {
      const pair = this.waiting.first();
      this.serve(now, pair, take);
      this.waiting.remove(pair);
      if (this.backlog.activeOf(pair) > 0) this.waiting.add(pair);
    }
  }

  /** From now on the gate is asked for every frame of this flow, whose row was pinned. */
  gated(flow: number): void {
    this.reach(flow);
    this.flows.gated[flow] = 1;
  }

  /** The gate has nothing to say of the flow any more. */
  ungated(now: number, flow: number): void {
    this.flows.gated[flow] = 0;
    this.wake(now, flow);
  }

  /** A flow that was parked is to ask again. */
  wake(now: number, flow: number): void {
    const { backlog } = this;
    if (backlog.isStopped(flow)) backlog.start(now, flow);
    const pair = backlog.table.linkOf(flow);
    if (backlog.activeOf(pair) > 0) this.waiting.add(pair);
  }

  private serve(now: number, pair: number, take: TakeFrame): void {
    const { backlog } = this;
    for (let flow = backlog.next(pair); flow >= 0; flow = backlog.next(pair)) {
      const offset = backlog.frontOffset(flow);
      const length = backlog.frontWord(flow) & PIECE_LENGTH_MASK;
      if (this.flows.gated[flow] === 1 && this.parks(now, flow)) continue;
      backlog.shift(flow);
      if (!take(pair, flow, offset, length)) {
        backlog.pushFront(now, flow, offset, length + PIECE_LAST);
        return;
      }
      if (this.flows.gated[flow] === 1) this.gate!.sent(now, flow, length);
      if (this.flows.holds[flow] === 1 && backlog.queuedBytes(flow) <= this.flows.resumeBytes[flow]!)
        this.resume(flow);
      backlog.served(now, flow, length);
    }
  }

  private parks(now: number, flow: number): boolean {
    const gate = this.gate!;
    if (gate.readyAt(now, flow) <= now) return false;
    this.backlog.stop(flow);
    gate.park(now, flow);
    return true;
  }

  private flowFor(pair: number, key: FlowKey): number {
    const flow = this.backlog.flowFor(pair, key);
    if (flow >= 0) this.reach(flow);
    return flow;
  }

  private reach(flow: number): void {
    const { length } = this.flows.port;
    if (flow >= length) this.flows = columnsOf(FLOWS, Math.max(flow + 1, length * 2), this.flows);
  }

  private fromDevice(now: number, flow: number, port: number, deviceFlow: number, isFull: boolean): void {
    const { flows, backlog, holds } = this;
    const device = holds.device(port)!;
    backlog.rank(now, flow, device.priorityOf(deviceFlow), device.weightOf(deviceFlow));
    if (flows.holds[flow] === 1) return;
    const bytes = backlog.queuedBytes(flow);
    const isLittle = !isFull && bytes <= LEAST_HOLD_BYTES;
    if (isLittle && backlog.admits(flow, LEAST_HOLD_BYTES, HOLD_FRAMES) === ADMITTED) return;
    const most = this.holdBytes(flow);
    const hasEnough = isFull || bytes > most;
    if (!hasEnough && backlog.admits(flow, most, HOLD_FRAMES) === ADMITTED) return;
    flows.resumeBytes[flow] = most / 2;
    flows.holds[flow] = 1;
    flows.port[flow] = port;
    flows.deviceFlow[flow] = deviceFlow;
    holds.hold(port, deviceFlow);
  }

  /** What a flow may have here before it is held. Asked of few frames: there is a super-frame in front of them. */
  private holdBytes(flow: number): number {
    const bdpBytes = this.inFlightBytes(this.backlog.table.linkOf(flow));
    return Math.min(Math.max(bdpBytes, LEAST_HOLD_BYTES), MOST_HOLD_BYTES);
  }

  private resume(flow: number): void {
    const { flows, holds } = this;
    flows.holds[flow] = 0;
    holds.resume(flows.port[flow]!, flows.deviceFlow[flow]!);
  }
}
