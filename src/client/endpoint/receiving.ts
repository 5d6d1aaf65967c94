// What an endpoint receives: queues that doorbells have named, taken in turn, each packet copied out of the agent's memory
// and its place given back.

import type { Half, Health } from '../../runtime/shm/half.ts';
import { BELL_DONE, BELL_ROOM, BELL_SLOTS, type Bells } from '../../runtime/vnic/bells.ts';
import { copyPacket, memoryOf, type PacketMemory } from '../../runtime/vnic/copy-packet.ts';
import { FRAME_AT, KEY, KEY_WORDS, ringAt, type VnicLayout } from '../../runtime/vnic/layout.ts';
import { ConsumerRings } from '../../runtime/vnic/rings.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { ReceivedFlow } from './api.ts';
import type { PacketBatch } from './batch.ts';
import { BAD_CHECKSUM, DatagramReader, OTHER } from './datagram-reader.ts';
import { describeFlow } from './describe-flow.ts';

/** Of one queue, before another has its turn. */
const IN_TURN = 32;

export class Receiving {
  received = 0;
  badChecksums = 0;
  /** Packets that are no datagrams, and were not wanted. */
  others = 0;
  private readonly layout: VnicLayout;
  private readonly theirs: Half;
  private readonly memory: PacketMemory;
  private readonly rings: ConsumerRings;
  private readonly bells: Bells;
  private readonly takesAll: boolean;
  private readonly reader = new DatagramReader();
  /** Queues that may have packets, each once, in their order. */
  private readonly ready: Uint32Array;
  private readonly isReady: Uint8Array;
  private first = 0;
  private count = 0;
  /** Those that nothing more comes into. */
  private readonly ending: Uint8Array;
  private readonly keys = new Map<number, Uint32Array>();
  private slotsAnswered = 0;

  /** `takesAll`: what is no datagram, too. */
  constructor(layout: VnicLayout, mine: Half, theirs: Half, health: Health, bells: Bells, takesAll: boolean) {
    this.takesAll = takesAll;
    const { rings } = layout.shape;
    this.layout = layout;
    this.theirs = theirs;
    this.memory = memoryOf(theirs.u32.buffer);
    this.rings = new ConsumerRings(layout, mine, theirs, health);
    this.bells = bells;
    this.ready = new Uint32Array(rings);
    this.isReady = new Uint8Array(rings);
    this.ending = new Uint8Array(rings);
  }

  get hasPackets(): boolean {
    return this.count > 0;
  }

  /** A doorbell: packets came. */
  data(queue: number): void {
    if (queue >= this.isReady.length || this.isReady[queue] === 1) return;
    this.isReady[queue] = 1;
    this.ready[(this.first + this.count++) % this.ready.length] = queue;
  }

  /** A doorbell: the queue has a flow. */
  flow(queue: number): void {
    const at = ringAt(this.layout, queue) + KEY;
    this.keys.set(queue, this.theirs.u32.slice(at, at + KEY_WORDS));
    this.ending[queue] = 0;
  }

  /** A doorbell: nothing more comes into it. */
  end(queue: number): void {
    this.ending[queue] = 1;
    if (this.isReady[queue] === 0) this.finish(queue);
  }

  flowOf(queue: number): ReceivedFlow | undefined {
    const key = this.keys.get(queue);
    return key && describeFlow(key);
  }

  receive(batch: PacketBatch): number {
    batch.count = 0;
    while (batch.count < batch.capacity && this.count > 0) {
      const queue = this.ready[this.first]!;
      this.first = (this.first + 1) % this.ready.length;
      this.count--;
      this.isReady[queue] = 0;
      this.take(queue, batch);
    }
    this.answerSlots();
    this.received += batch.count;
    return batch.count;
  }

  private take(queue: number, batch: PacketBatch): void {
    const { rings } = this;
    const available = rings.available(queue);
    const count = Math.min(available, IN_TURN, batch.capacity - batch.count);
    for (let i = 0; i < count; i++) this.copy(queue, rings.recordAt(queue, i), batch);
    if (count > 0) {
      rings.take(queue, count);
      if (rings.mustRing(queue)) this.bells.ring(BELL_ROOM, queue);
    }
    // After what was taken is known to the agent, which rings for what comes into an empty queue.
    if (rings.available(queue) > 0) this.data(queue);
    else if (this.ending[queue] === 1) this.finish(queue);
  }

  private copy(queue: number, at: number, batch: PacketBatch): void {
    const { u32 } = this.theirs;
    const place = u32[at]!;
    const length = u32[at + 1]!;
    const packet = batch.count;
    // It is the agent's own word; what does not fit would be another's memory.
    if (length < FRAME_AT + ETHERNET_HEADER_BYTES || length > this.layout.shape.slotBytes) return;
    const start = batch.frameAt[packet]! - FRAME_AT;
    copyPacket(batch.memory, start, this.memory, place, length);
    batch.frameLength[packet] = length - FRAME_AT;
    batch.flows[packet] = queue;
    const kind = this.reader.read(batch, packet, start, length);
    if (kind === BAD_CHECKSUM) this.badChecksums++;
    else if (kind === OTHER && !this.takesAll) this.others++;
    else batch.count++;
  }

  private finish(queue: number): void {
    this.ending[queue] = 0;
    this.bells.ring(BELL_DONE, queue);
  }

  private answerSlots(): void {
    const asked = Atomics.load(this.theirs.i32, this.layout.slotsAsked);
    if (asked === this.slotsAnswered) return;
    this.slotsAnswered = asked;
    this.bells.ring(BELL_SLOTS, 0);
  }
}
