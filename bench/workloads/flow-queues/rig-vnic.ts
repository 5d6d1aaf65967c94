// A vNIC with a queue for each flow, in memory: what it sends and how it reads is the benchmark's, and no frame is copied on
// its way out. Frames are UDP datagrams; their flow is in the source port.
import type { FlowDevice, FlowKey } from '../../../src/packet/device.ts';
import { PIECE_LAST, type PieceList } from '../../../src/packet/pieces.ts';
import type { Region } from '../../../src/packet/region.ts';
import type { ChunkWriter } from '../../../src/packet/writer.ts';

export const FRAME_BYTES = 10 + 14 + 20 + 8 + 22;
const SOURCE_PORT_AT = 10 + 14 + 20;
const STAMP_AT = SOURCE_PORT_AT + 8;
const RING_FRAMES = 64;

/** What a vNIC reads a frame into, and where frames wait that its owner has not read. */
export interface RigMemory {
  readonly region: Region;
  readonly writer: ChunkWriter;
}

export interface RigOptions {
  /** Receive queues there can be. */
  readonly queues: number;
  /** Frames that each takes. */
  readonly room?: number;
  /** Is told of each frame that the owner reads: its flow and its stamp. */
  readonly onRead?: (flow: number, stamp: number) => void;
}

export class RigVnic implements FlowDevice {
  readonly dropped = 0;
  readonly rxFlows = new Uint32Array(64);
  /** Frames in a queue of another flow. */
  collisions = 0;
  /** The owner takes no new flows. */
  isAway = false;
  /** Times that a flow was held. */
  holds = 0;
  /** Flows to send a frame of, in their order, and each one's stamp. */
  private sending = new Uint32Array(1024);
  private stamps = new Float64Array(1024);
  private first = 0;
  private end = 0;
  private readonly held = new Uint8Array(1 << 16);
  /** Stamps of what flows that are held have to send. */
  private readonly parked = new Map<number, number[]>();
  private parkedFrames = 0;
  private readonly memory: RigMemory;
  private readonly template: Uint8Array;
  private readonly queuesFree: Uint32Array;
  private freeCount: number;
  private readonly room: number;
  private readonly onRead: RigOptions['onRead'];
  /** Of each queue its flow, plus one (-1: any), and its frames in a ring: flow and stamp, where somebody is told. */
  private readonly flowOf: Int32Array;
  private readonly heads: Uint32Array;
  private readonly counts: Uint32Array;
  private readonly ringFlows: Uint16Array;
  private readonly ringStamps: Float64Array;
  private readonly refused: Uint8Array;
  private readonly finished: Uint8Array;
  /** Queues with frames, each once, in the order in which doorbells would name them; and those to be named to the switch. */
  private readonly ready: IntQueue;
  private readonly named: IntQueue;

  constructor(memory: RigMemory, template: Uint8Array, { queues, room = RING_FRAMES, onRead }: RigOptions) {
    this.memory = memory;
    this.template = template;
    this.room = room;
    this.onRead = onRead;
    this.queuesFree = Uint32Array.from({ length: queues }, (_, i) => queues - 1 - i);
    this.freeCount = queues;
    this.flowOf = new Int32Array(queues);
    this.heads = new Uint32Array(queues);
    this.counts = new Uint32Array(queues);
    this.ringFlows = new Uint16Array(queues * room);
    this.ringStamps = new Float64Array(queues * room);
    this.refused = new Uint8Array(queues);
    this.finished = new Uint8Array(queues);
    this.ready = new IntQueue(queues);
    this.named = new IntQueue(queues);
  }

  /** The owner sends a frame of a flow. */
  send(flow: number, stamp = 0): void {
    if (this.end === this.sending.length) this.makeRoom();
    this.sending[this.end] = flow;
    this.stamps[this.end++] = stamp;
  }

  /** Frames that were not taken yet. */
  get unsent(): number {
    return this.end - this.first + this.parkedFrames;
  }

  /** The owner reads so many frames at most, queue after queue in turn; how many there were. */
  read(most: number, ofEach = 32): number {
    let left = most;
    while (left > 0 && this.ready.count > 0) {
      const queue = this.ready.shift();
      const count = Math.min(left, ofEach, this.counts[queue]!);
      this.take(queue, count);
      left -= count;
      if (this.counts[queue]! > 0) this.ready.push(queue);
    }
    return most - left;
  }

  /** The owner is done with all queues that are empty. */
  finish(): void {
    for (let queue = 0; queue < this.counts.length; queue++) {
      if (this.flowOf[queue] === 0 || this.counts[queue]! > 0 || this.finished[queue] === 1) continue;
      this.finished[queue] = 1;
      this.named.push(queue);
    }
  }

  rx(out: PieceList): number {
    const { region, writer } = this.memory;
    const { u8, view } = region.bytes;
    const before = out.count;
    let kept = this.first;
    for (; this.first < this.end && out.count < out.capacity; this.first++) {
      const flow = this.sending[this.first]!;
      if (this.held[flow] === 1) {
        this.park(flow, this.stamps[this.first]!);
        kept = this.first + 1;
        continue;
      }
      const at = writer.room(FRAME_BYTES);
      if (at === 0) break;
      u8.set(this.template, at);
      view.setUint16(at + SOURCE_PORT_AT, flow);
      view.setFloat64(at + STAMP_AT, this.stamps[this.first]!);
      writer.commit(FRAME_BYTES);
      region.retain(at, 1);
      this.rxFlows[out.count - before] = flow;
      out.push(at, FRAME_BYTES | PIECE_LAST);
      kept = this.first + 1;
    }
    this.first = kept;
    return out.count - before;
  }

  tx(): number {
    return 0;
  }

  hold(flow: number): void {
    this.held[flow] = 1;
    this.holds++;
  }

  resume(flow: number): void {
    this.held[flow] = 0;
    const stamps = this.parked.get(flow) ?? [];
    this.parked.delete(flow);
    this.parkedFrames -= stamps.length;
    for (const stamp of stamps) this.send(flow, stamp);
  }

  weightOf(): number {
    return 1;
  }

  priorityOf(): number {
    return 0;
  }

  open(key: FlowKey): number {
    if (this.freeCount === 0 || this.isAway) return -1;
    const queue = this.queuesFree[--this.freeCount]!;
    // All flows share it where the key is nobody's own.
    this.flowOf[queue] = key[9] === 0xffff_fffe ? -1 : (key[8]! >>> 16) + 1;
    this.counts[queue] = 0;
    this.refused[queue] = 0;
    this.finished[queue] = 0;
    return queue;
  }

  txFlow(queue: number, frames: PieceList, from: number): number {
    const { view } = this.memory.region.bytes;
    const { room, flowOf, heads, counts, ringFlows, ringStamps } = this;
    const isTold = this.onRead !== undefined;
    const own = flowOf[queue]!;
    let count = counts[queue]!;
    if (count === 0 && frames.count > from && room > 0) this.ready.push(queue);
    let next = from;
    for (; next < frames.count && count < room; next++) {
      const at = frames.words[next * 2]!;
      const flow = view.getUint16(at + SOURCE_PORT_AT);
      if (own >= 0 && flow + 1 !== own) this.collisions++;
      const place = (heads[queue]! + count++) % room;
      if (!isTold) continue;
      ringFlows[queue * room + place] = flow;
      ringStamps[queue * room + place] = view.getFloat64(at + STAMP_AT);
    }
    counts[queue] = count;
    if (next < frames.count) this.refused[queue] = 1;
    return next - from;
  }

  nextRoomy(): number {
    return this.named.count > 0 ? this.named.shift() : -1;
  }

  close(queue: number): void {
    this.flowOf[queue] = 0;
    this.queuesFree[this.freeCount++] = queue;
  }

  private take(queue: number, count: number): void {
    const { room, heads, counts, onRead } = this;
    for (let i = 0; i < count && onRead !== undefined; i++) {
      const place = queue * room + ((heads[queue]! + i) % room);
      onRead(this.ringFlows[place]!, this.ringStamps[place]!);
    }
    counts[queue]! -= count;
    heads[queue] = counts[queue] === 0 ? 0 : (heads[queue]! + count) % room;
    if (count === 0 || this.refused[queue] === 0) return;
    this.refused[queue] = 0;
    this.named.push(queue);
  }

  private park(flow: number, stamp: number): void {
    const stamps = this.parked.get(flow);
    if (stamps === undefined) this.parked.set(flow, [stamp]);
    else stamps.push(stamp);
    this.parkedFrames++;
  }

  private makeRoom(): void {
    const left = this.end - this.first;
    const length = left * 2 > this.sending.length ? this.sending.length * 2 : this.sending.length;
    const sending = new Uint32Array(length);
    const stamps = new Float64Array(length);
    sending.set(this.sending.subarray(this.first, this.end));
    stamps.set(this.stamps.subarray(this.first, this.end));
    this.sending = sending;
    this.stamps = stamps;
    this.first = 0;
    this.end = left;
  }
}

/** Numbers in the order in which they came, as many as it has room for. */
class IntQueue {
  count = 0;
  private readonly items: Uint32Array;
  private first = 0;

  constructor(capacity: number) {
    this.items = new Uint32Array(capacity + 1);
  }

  push(item: number): void {
    this.items[(this.first + this.count++) % this.items.length] = item;
  }

  shift(): number {
    const item = this.items[this.first]!;
    this.first = (this.first + 1) % this.items.length;
    this.count--;
    return item;
  }
}
