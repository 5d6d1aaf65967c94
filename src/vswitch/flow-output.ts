// Frames on their way into a vNIC with a receive queue for each flow, a native endpoint (Backdraft §4.2): each flow's go
// to its own, and what one does not take waits here and delays no other flow. A flow is stopped while its queue is full.
// When the device names that queue, there is room again; when it names another one, the owner is done with it. Its owner
// has no kernel that would understand offload frames: they are cut first.

import { grown } from '../base/columns.ts';
import { FLOW_WORDS, type FlowDevice, type FlowKey } from '../packet/device.ts';
import { PIECE_LAST, PIECE_LENGTH_MASK, PieceList } from '../packet/pieces.ts';
import type { Region } from '../packet/region.ts';
import {
  isOffloadFrame,
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_HEADER_BYTES,
  writeVirtioNetHeader,
} from '../wire/virtio-net-header.ts';
import type { Cutter } from './cutter.ts';
import type { SwitchCounters } from './drops.ts';
import { isSameFlow } from './flows/same-flow.ts';
import type { ReceiveDrop, ReceiveQueues } from './receive-queues.ts';
import type { DropDelivery, VnicSink } from './vnic-output.ts';

const PIECES = 2048;
const NONE = -1;
/** Tried at once: as many as a ring of the device takes. */
const RING_FRAMES = 64;
/** Frames of one that was cut, which are written together. */
const CUT_FRAMES = 128;
/** Of a flow that has no queue of the device's: nobody needs it here, or it waits until the device has a ring. */
const NO_QUEUE = 0;
const WAITS_FOR_RING = -1;

export interface FlowOutputState {
  readonly framesOut: number;
  readonly queueOf: Int32Array;
  readonly flowOf: Int32Array;
}

export class FlowOutput implements VnicSink {
  framesOut: number;
  private readonly port: number;
  private readonly device: FlowDevice;
  private readonly queues: ReceiveQueues;
  private readonly region: Region;
  private readonly drop: DropDelivery;
  private readonly cutter: Cutter;
  private readonly counters: SwitchCounters;
  /** The device's queue of each flow, and the flow of each queue, plus one. A flow that has an entry is pinned. */
  private queueOf: Int32Array;
  private flowOf: Int32Array;
  /** Frames of one flow that go together. */
  private readonly together = new PieceList(PIECES);
  private readonly loaded = new PieceList(PIECES);
  private readonly cut = new PieceList(CUT_FRAMES);
  private readonly key: FlowKey = new Uint32Array(FLOW_WORDS);

  constructor(
    port: number,
    device: FlowDevice,
    queues: ReceiveQueues,
    drop: DropDelivery,
    cutter: Cutter,
    counters: SwitchCounters,
    old?: FlowOutputState,
  ) {
    this.port = port;
    this.device = device;
    this.queues = queues;
    this.region = queues.region;
    this.drop = drop;
    this.cutter = cutter;
    this.counters = counters;
    this.framesOut = old?.framesOut ?? 0;
    this.queueOf = old?.queueOf ?? new Int32Array(64);
    this.flowOf = old?.flowOf ?? new Int32Array(64);
  }

  save(): FlowOutputState {
    const { framesOut, queueOf, flowOf } = this;
    return { framesOut, queueOf, flowOf };
  }

  /** Only flows without a queue of the device's wait for their turn here. */
  get isHeldUp(): boolean {
    return this.queues.backlog.activeOf(this.port) > 0;
  }

  write(now: number, frames: PieceList, origin: number, originFlow: number): void {
    const { together } = this;
    const { view } = this.region.bytes;
    let flow = NONE;
    for (let start = 0; start < frames.count; ) {
      const end = frames.frameEnd(start);
      if (isOffloadFrame(view, frames.words[start * 2]!)) {
        this.give(now, flow, origin);
        flow = NONE;
        this.writeCut(now, frames, start, end, origin, originFlow);
        start = end;
        continue;
      }
      const next =
        flow !== NONE && this.isTrain(frames, start, end)
          ? flow
          : this.flowFor(this.queues.keyOf(frames, start, end), origin, originFlow);
      if (next !== flow || together.count + end - start > PIECES) this.give(now, flow, origin);
      flow = next;
      if (flow === NONE) this.refuse(frames, start, end, 'noReceiveRing', origin);
      else for (let i = start; i < end; i++) together.push(frames.words[i * 2]!, frames.words[i * 2 + 1]!);
      start = end;
    }
    this.give(now, flow, origin);
  }

  /** The frames that the offload frame of pieces `start` to `end` stands for, which is released. */
  private writeCut(
    now: number,
    frames: PieceList,
    start: number,
    end: number,
    origin: number,
    originFlow: number,
  ): void {
    const { cutter, region, cut } = this;
    const rejected = cutter.cutPieces(frames, start, end, VIRTIO_NET_HEADER_BYTES);
    if (rejected !== undefined) {
      this.refuse(frames, start, end, rejected === 'noMemory' ? 'noCutMemory' : 'badOffload', origin);
      return;
    }
    for (let i = start; i < end; i++) region.release(frames.words[i * 2]!);
    const { count, stride, lastBytes, at } = cutter;
    this.counters.cutFrames += count - 1;
    region.retain(at, count);
    for (let i = 0; i < count; i++) {
      const offset = at - VIRTIO_NET_HEADER_BYTES + i * stride;
      // Its checksum was made here.
      writeVirtioNetHeader(region.bytes.view, offset, VIRTIO_NET_HDR_F_DATA_VALID, 0, 0, 0, 0, 0);
      cut.push(offset, (i === count - 1 ? lastBytes + VIRTIO_NET_HEADER_BYTES : stride) | PIECE_LAST);
      if (cut.count < CUT_FRAMES && i < count - 1) continue;
      this.write(now, cut, origin, originFlow);
      cut.clear();
    }
    region.release(at);
  }

  /** The same for frames `first` to `end` of another vNIC here, a train of the flow with this key, with nothing to cut. */
  train(
    now: number,
    { words }: PieceList,
    first: number,
    end: number,
    key: FlowKey,
    origin: number,
    originFlow: number,
  ): void {
    const { together } = this;
    for (let i = first; i < end; i++) together.push(words[i * 2]!, words[i * 2 + 1]!);
    const flow = this.flowFor(key, origin, originFlow);
    if (flow !== NONE) {
      this.give(now, flow, origin);
      return;
    }
    for (let i = 0; i < together.count; i++) this.refuse(together, i, i + 1, 'noReceiveRing', origin);
    together.clear();
  }

  /** Whether the frame is of the flow of the one in front of it. */
  private isTrain({ words }: PieceList, start: number, end: number): boolean {
    // Of one piece each.
    if (end !== start + 1 || words[start * 2 - 1]! < PIECE_LAST) return false;
    if (start > 1 && words[start * 2 - 3]! < PIECE_LAST) return false;
    const length = words[start * 2 + 1]! & PIECE_LENGTH_MASK;
    return isSameFlow(this.region.bytes.view, words[start * 2 - 2]!, words[start * 2]!, length);
  }

  retry(now: number): void {
    const { device, queues, port } = this;
    const { backlog } = queues;
    for (let queue = device.nextRoomy(); queue >= 0; queue = device.nextRoomy()) {
      const flow = (this.flowOf[queue] ?? 0) - 1;
      if (flow === NONE) continue;
      if (backlog.isStopped(flow)) this.serve(now, flow, queue);
      else this.close(flow, queue);
    }
    for (let flow = backlog.next(port); flow >= 0; flow = backlog.next(port)) {
      backlog.table.keyInto(flow, this.key);
      // It has one if a turn failed while it was served.
      const queue = this.queueOf[flow]! > 0 ? this.queueOf[flow]! - 1 : this.open(flow, this.key);
      if (queue < 0) return;
      this.serve(now, flow, queue);
    }
  }

  /** The row of a flow, with a queue of the device's if there is one to be had. */
  private flowFor(key: FlowKey, origin: number, originFlow: number): number {
    const { queues, port } = this;
    const known = queues.backlog.find(port, key);
    if (known >= 0 && this.queueOf[known]! !== NO_QUEUE) return known;
    const flow = queues.backlog.pin(port, key);
    if (flow < 0) return NONE;
    queues.comesFrom(flow, origin, originFlow);
    if (flow >= this.queueOf.length)
      this.queueOf = grown(new Int32Array(Math.max(flow + 1, this.queueOf.length * 2)), this.queueOf);
    this.queueOf[flow] = WAITS_FOR_RING;
    this.open(flow, key);
    return flow;
  }

  private open(flow: number, key: FlowKey): number {
    const queue = this.device.open(key);
    if (queue < 0) return NONE;
    if (queue >= this.flowOf.length)
      this.flowOf = grown(new Int32Array(Math.max(queue + 1, this.flowOf.length * 2)), this.flowOf);
    this.queueOf[flow] = queue + 1;
    this.flowOf[queue] = flow + 1;
    return queue;
  }

  private close(flow: number, queue: number): void {
    this.device.close(queue);
    this.flowOf[queue] = 0;
    this.leave(flow);
  }

  private leave(flow: number): void {
    this.queueOf[flow] = NO_QUEUE;
    this.queues.backlog.unpin(flow);
  }

  /** Gives the device the frames that are together, unless others of their flow wait already; the rest waits. */
  private give(now: number, flow: number, origin: number): void {
    const { together, queues } = this;
    if (together.count === 0) return;
    const { backlog } = queues;
    const queue = this.queueOf[flow]! - 1;
    let next = 0;
    if (queue >= 0 && backlog.queuedFrames(flow) === 0) {
      next = this.device.txFlow(queue, together, 0);
      queues.passed(now, flow, together, next);
      this.release(together, next);
    }
    // What has a queue that is full waits for the device to say that it has room, and for nobody's turn.
    if (queue >= 0 && next < together.count) backlog.stop(flow);
    while (next < together.count) {
      const end = together.frameEnd(next);
      const full = queues.push(now, flow, together, next, end);
      if (full !== undefined) this.refuse(together, next, end, full, origin);
      next = end;
    }
    together.clear();
    if (queue < 0 && backlog.queuedFrames(flow) === 0) this.leave(flow);
  }

  private serve(now: number, flow: number, queue: number): void {
    const { queues, loaded, device } = this;
    const { backlog } = queues;
    backlog.start(now, flow);
    while (backlog.queuedFrames(flow) > 0) {
      queues.load(flow, loaded, RING_FRAMES);
      const taken = device.txFlow(queue, loaded, 0);
      const isFull = taken < loaded.count;
      if (isFull) queues.unload(now, flow, loaded, taken);
      queues.taken(now, flow, loaded);
      this.release(loaded, loaded.count);
      loaded.clear();
      if (!isFull) continue;
      backlog.stop(flow);
      return;
    }
  }

  private refuse(frames: PieceList, start: number, end: number, why: ReceiveDrop, origin: number): void {
    for (let i = start; i < end; i++) this.region.release(frames.words[i * 2]!);
    this.drop(why, origin);
  }

  private release({ words }: PieceList, end: number): void {
    for (let i = 0; i < end; i++) {
      this.region.release(words[i * 2]!);
      if (words[i * 2 + 1]! >= PIECE_LAST) this.framesOut++;
    }
  }
}
