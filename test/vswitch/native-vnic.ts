// A vNIC that is memory and has a queue for each flow both ways, as a native endpoint has. The owner is the caller: it
// sends, reads, and is done with queues.

import { type Frame, gatherFrame } from '../../src/device/gather.ts';
import type { FlowDevice, FlowKey } from '../../src/packet/device.ts';
import { PIECE_LAST, type PieceList } from '../../src/packet/pieces.ts';
import type { Region } from '../../src/packet/region.ts';
import type { ChunkWriter } from '../../src/packet/writer.ts';

/** Frames given at once, of one flow. */
const BATCH = 16;

interface SendFlow {
  readonly frames: Frame[];
  held: boolean;
  weight: number;
  priority: number;
}

export interface ReceiveFlow {
  readonly queue: number;
  readonly key: FlowKey;
  readonly frames: Frame[];
  /** The device refused some and will say when there is room. */
  refused: boolean;
}

export interface NativeVnicSizes {
  /** Receive queues there can be at once. */
  readonly queues: number;
  /** Frames that one takes. */
  readonly room: number;
}

export class NativeVnic implements FlowDevice {
  dropped = 0;
  readonly rxFlows: Uint32Array;
  /** By their numbers; the hole of one that was closed is filled again. */
  readonly receive: (ReceiveFlow | undefined)[] = [];
  /** Queues that are to be named because they have room again, and because their owner is done with them. */
  private readonly named: number[] = [];
  private readonly finished: number[] = [];
  private readonly region: Region;
  private readonly writer: ChunkWriter;
  private readonly sizes: NativeVnicSizes;
  private readonly flows = new Map<number, SendFlow>();

  constructor(region: Region, writer: ChunkWriter, sizes: NativeVnicSizes) {
    this.region = region;
    this.writer = writer;
    this.sizes = sizes;
    this.rxFlows = new Uint32Array(1024);
  }

  /** The owner sends a frame of a flow. */
  send(flow: number, frame: Frame): void {
    this.flow(flow).frames.push(frame);
  }

  /** What the owner's doorbells say of a flow. */
  rank(flow: number, priority: number, weight: number): void {
    Object.assign(this.flow(flow), { priority, weight });
  }

  /** The owner reads frames of a receive queue, so many at most. */
  read(queue: number, count = Number.POSITIVE_INFINITY): Frame[] {
    const flow = this.receive[queue];
    if (flow === undefined) return [];
    const frames = flow.frames.splice(0, count);
    if (flow.refused && flow.frames.length < this.sizes.room) {
      flow.refused = false;
      this.named.push(queue);
    }
    return frames;
  }

  /** The owner is done with a queue, unless more has come meanwhile. */
  finish(queue: number): void {
    this.finished.push(queue);
  }

  isHeld(flow: number): boolean {
    return this.flow(flow).held;
  }

  /** Frames of a flow that wait to be given. */
  waiting(flow: number): number {
    return this.flow(flow).frames.length;
  }

  get isReady(): boolean {
    if (this.named.length + this.finished.length > 0) return true;
    for (const { frames, held } of this.flows.values()) if (frames.length > 0 && !held) return true;
    return false;
  }

  rx(out: PieceList): number {
    const before = out.count;
    for (let given = -1; given !== out.count; ) {
      given = out.count;
      for (const [number, flow] of this.flows) this.give(number, flow, out);
    }
    return out.count - before;
  }

  tx(): number {
    throw new Error('a vNIC with flows is written to flow by flow');
  }

  hold(flow: number): void {
    this.flow(flow).held = true;
  }

  resume(flow: number): void {
    this.flow(flow).held = false;
  }

  weightOf(flow: number): number {
    return this.flow(flow).weight;
  }

  priorityOf(flow: number): number {
    return this.flow(flow).priority;
  }

  open(key: FlowKey): number {
    let queue = 0;
    while (this.receive[queue] !== undefined) queue++;
    if (queue >= this.sizes.queues) return -1;
    this.receive[queue] = { queue, key: key.slice(), frames: [], refused: false };
    return queue;
  }

  txFlow(queue: number, frames: PieceList, from: number): number {
    const flow = this.receive[queue]!;
    let next = from;
    while (next < frames.count && flow.frames.length < this.sizes.room) {
      const end = frames.frameEnd(next);
      flow.frames.push(gatherFrame(this.region, frames, next, end));
      next = end;
    }
    if (next < frames.count) flow.refused = true;
    return next - from;
  }

  nextRoomy(): number {
    const roomy = this.named.shift();
    if (roomy !== undefined) return roomy;
    let queue = this.finished.shift();
    while (queue !== undefined && this.receive[queue]?.frames.length !== 0) queue = this.finished.shift();
    return queue ?? -1;
  }

  close(queue: number): void {
    this.receive[queue] = undefined;
  }

  private give(number: number, { frames, held }: SendFlow, out: PieceList): void {
    for (let left = BATCH; left > 0 && frames.length > 0 && !held && out.count < out.capacity; left--) {
      const at = this.writer.room(frames[0]!.length);
      // It waits with its owner.
      if (at === 0) return;
      const frame = frames.shift()!;
      this.region.bytes.u8.set(frame, at);
      this.writer.commit(frame.length);
      this.region.retain(at, 1);
      this.rxFlows[out.count] = number;
      out.push(at, frame.length | PIECE_LAST);
    }
  }

  private flow(number: number): SendFlow {
    let flow = this.flows.get(number);
    if (flow === undefined) {
      flow = { frames: [], held: false, weight: 1, priority: 0 };
      this.flows.set(number, flow);
    }
    return flow;
  }
}
