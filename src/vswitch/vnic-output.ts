// Frames on their way into a vNIC that is one queue, a TAP: written at once, and what it does not take waits flow by
// flow. All flows wait then, so the scheduler says who is first when it takes again.

import type { FrameDevice } from '../packet/device.ts';
import { PIECE_LAST, PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import { clearNativeFlow, nativeFlowOf } from '../wire/virtio-net-header.ts';
import type { ReceiveDrop, ReceiveQueues } from './receive-queues.ts';

/** A frame is at most that many, and its last may follow them. */
const FRAME_PIECES = 1024;

/** What becomes of frames for one vNIC. References of frames are taken over. */
export interface VnicSink {
  /** `origin` and `originFlow` say who sends them, as the receive queues have it. */
  write(now: number, frames: PieceList, origin: number, originFlow: number): void;
  /** Tries what waits again. */
  retry(now: number): void;
  /** Something waits, and nothing will say when to try it again. */
  readonly isHeldUp: boolean;
  readonly framesOut: number;
}

/** A frame of this origin found no room. */
export type DropDelivery = (reason: ReceiveDrop, origin: number) => void;

export interface VnicOutputState {
  readonly framesOut: number;
}

export class VnicOutput implements VnicSink {
  framesOut: number;
  private readonly port: number;
  private readonly device: FrameDevice;
  private readonly queues: ReceiveQueues;
  private readonly region: Region;
  private readonly drop: DropDelivery;
  private readonly single = new PieceList(FRAME_PIECES + 1);

  constructor(
    port: number,
    device: FrameDevice,
    queues: ReceiveQueues,
    drop: DropDelivery,
    old?: VnicOutputState,
  ) {
    this.port = port;
    this.device = device;
    this.queues = queues;
    this.region = queues.region;
    this.drop = drop;
    this.framesOut = old?.framesOut ?? 0;
  }

  save(): VnicOutputState {
    return { framesOut: this.framesOut };
  }

  get isHeldUp(): boolean {
    return this.queues.backlog.activeOf(this.port) > 0;
  }

  write(now: number, frames: PieceList, origin: number, originFlow: number): void {
    let next = 0;
    const isClear = !this.isHeldUp;
    if (isClear && !this.hasNativeFlows(frames)) {
      next = this.device.tx(frames, 0);
      this.release(frames, next);
    } else if (isClear) {
      // They lose their ids behind the queues, since no kernel should see them.
      this.keep(now, frames, 0, origin, originFlow);
      this.retry(now);
      return;
    }
    this.keep(now, frames, next, origin, originFlow);
  }

  retry(now: number): void {
    const { queues, single, port, device } = this;
    const { backlog } = queues;
    for (let flow = backlog.next(port); flow >= 0; flow = backlog.next(port)) {
      single.clear();
      queues.load(flow, single, 1);
      clearNativeFlow(this.region.bytes.view, single.words[0]!);
      if (device.tx(single, 0) === 0) {
        queues.unload(now, flow, single, 0);
        return;
      }
      queues.taken(now, flow, single);
      this.release(single, single.count);
    }
  }

  private keep(now: number, frames: PieceList, from: number, origin: number, originFlow: number): void {
    const { queues } = this;
    for (let start = from; start < frames.count; ) {
      const end = frames.frameEnd(start);
      const flow = queues.flowFor(this.port, queues.keyOf(frames, start, end), origin, originFlow);
      const full = flow < 0 ? 'noReceiveRing' : queues.push(now, flow, frames, start, end);
      if (full !== undefined) {
        for (let i = start; i < end; i++) this.region.release(frames.words[i * 2]!);
        if (flow >= 0) queues.backlog.endIfIdle(flow);
        this.drop(full, origin);
      }
      start = end;
    }
  }

  private hasNativeFlows({ words, count }: PieceList): boolean {
    const { view } = this.region.bytes;
    let isFirst = true;
    for (let i = 0; i < count; i++) {
      if (isFirst && nativeFlowOf(view, words[i * 2]!) !== 0) return true;
      isFirst = words[i * 2 + 1]! >= PIECE_LAST;
    }
    return false;
  }

  private release({ words }: PieceList, end: number): void {
    for (let i = 0; i < end; i++) {
      this.region.release(words[i * 2]!);
      if (words[i * 2 + 1]! >= PIECE_LAST) this.framesOut++;
    }
  }
}
