// A flow that an endpoint sends: its queue is one ring after the other as the agent grants them (Backdraft §4.2), and its
// packets are written into slots that come back when the agent has read them.

import { SelvageError } from '../../base/errors.ts';
import {
  BELL_CLOSE,
  BELL_DATA,
  BELL_OPEN,
  BELL_REST,
  BELL_URGENCY,
  BELL_WANT,
} from '../../runtime/vnic/bells.ts';
import { copyPacket } from '../../runtime/vnic/copy-packet.ts';
import { FRAME_AT, LINK } from '../../runtime/vnic/layout.ts';
import type { Batch, SendingFlow, Urgency } from './api.ts';
import { PacketBatch } from './batch.ts';
import { copyAndSum } from './copy-sum.ts';
import { checksumOf, type DatagramHeader } from './datagram-header.ts';
import type { SharedVnic } from './shared-vnic.ts';

const NO_RING = -1;
const NEVER = -1;
const LEAST_FRAME_BYTES = 14;

/** What the flow is made of; without headers packets are whole frames. */
export interface FlowParts {
  readonly header: DatagramHeader | undefined;
  readonly from: string;
  readonly to: string;
  readonly nativeId: number;
  readonly urgency: Urgency;
  readonly drops: boolean;
  readonly mostPayload: number;
  readonly ended: () => SelvageError | undefined;
  /** Flows that whoever waits waits for, too. */
  readonly short: Set<ClientSendingFlow>;
}

export class ClientSendingFlow implements SendingFlow {
  dropped = 0;
  readonly index: number;
  private readonly vnic: SharedVnic;
  private readonly parts: FlowParts;
  /** The ring that is written into; those before it are not read empty yet. */
  private ring = NO_RING;
  private spare = NO_RING;
  /** Rings whose slots may not all have come back, the oldest first. */
  private readonly rings: number[] = [];
  private isAsking = true;
  private mayGrow = true;
  private lastBell = NEVER;
  private isClosed = false;

  constructor(index: number, vnic: SharedVnic, parts: FlowParts) {
    this.index = index;
    this.vnic = vnic;
    this.parts = parts;
    vnic.bells.ring(BELL_OPEN, index, urgencyWord(parts.urgency), parts.nativeId);
  }

  get from(): string {
    return this.parts.from;
  }

  get to(): string {
    return this.parts.to;
  }

  get writable(): number {
    return this.isClosed ? 0 : this.room();
  }

  send(batch: Batch, first = 0, count = batch.count - first): number {
    const ended = this.parts.ended();
    if (ended !== undefined) throw ended;
    if (this.isClosed)
      throw new SelvageError('not-running', 'This flow was closed.', { hint: 'Open another.' });
    if (!(batch instanceof PacketBatch) || first < 0 || first + count > batch.capacity) throw noBatch();
    const taken = this.write(batch, first, count);
    this.vnic.checkAgent();
    if (taken < count && this.parts.drops) {
      this.dropped += count - taken;
      return count;
    }
    if (taken < count) this.parts.short.add(this);
    else if (this.parts.short.size > 0) this.parts.short.delete(this);
    return taken;
  }

  setUrgency(urgency: Urgency): void {
    if (!this.isClosed) this.vnic.bells.ring(BELL_URGENCY, this.index, urgencyWord(urgency));
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.parts.short.delete(this);
    this.vnic.bells.ring(BELL_CLOSE, this.index);
  }

  /** It has a ring, or asked for none. */
  get isReady(): boolean {
    return !this.isAsking;
  }

  granted(ring: number): void {
    this.isAsking = false;
    this.vnic.adopt(ring, this);
    this.rings.push(ring);
    if (this.ring === NO_RING) this.ring = ring;
    else this.spare = ring;
  }

  refused(): void {
    this.isAsking = false;
    this.mayGrow = false;
  }

  /** Gives its rings back when it has nothing to send. */
  rest(): void {
    const { rings, bells } = this.vnic;
    const { ring } = this;
    if (ring === NO_RING || this.isAsking || this.isClosed) return;
    if (rings.headNow(ring) !== rings.end(ring)) return;
    this.ring = NO_RING;
    this.spare = NO_RING;
    bells.ring(BELL_REST, this.index);
  }

  /** Takes back the slots of what the agent has read. */
  reclaim(): void {
    const { rings, vnic } = this;
    while (rings.length > 0) {
      const ring = rings[0]!;
      const isEmpty = vnic.reclaim(ring);
      if (!isEmpty || ring === this.ring || ring === this.spare) break;
      rings.shift();
    }
  }

  /** The ring is another flow's now: what was in it has been read. */
  left(ring: number): void {
    const at = this.rings.indexOf(ring);
    if (at >= 0) this.rings.splice(at, 1);
  }

  /** Has the agent ring when there is room; false when there is. */
  askRoom(): boolean {
    if (this.room() > 0) return false;
    // A first ring that is asked for is announced anyway.
    if (this.ring === NO_RING) return true;
    this.vnic.rings.askRoom(this.ring);
    return this.room() === 0;
  }

  private room(): number {
    const { slots } = this.vnic;
    if (this.ring === NO_RING) {
      this.want();
      return 0;
    }
    this.reclaim();
    // One record is kept for the link to another ring.
    const records = Math.max(0, this.vnic.room(this.ring) - 1) + (this.spare === NO_RING ? 0 : 1);
    return Math.min(records, slots.free);
  }

  private write(batch: PacketBatch, first: number, count: number): number {
    const { vnic } = this;
    const { rings, slots } = vnic;
    const { header, mostPayload } = this.parts;
    let next = first;
    const end = first + count;
    let before = this.ring === NO_RING ? 0 : rings.end(this.ring);
    while (next < end) {
      if (!this.hasRecord()) {
        if (!this.goOn(before)) break;
        before = rings.end(this.ring);
      }
      if (slots.free === 0 && !vnic.findSlots(this)) break;
      const length = (header === undefined ? batch.frameLength : batch.payloadLength)[next]!;
      if (length > mostPayload || (header === undefined && length < LEAST_FRAME_BYTES)) {
        this.publish(before);
        throw tooLong(length, mostPayload);
      }
      const slot = slots.take();
      const bytes =
        header === undefined
          ? this.writeFrame(slot, batch, next, length)
          : this.writeDatagram(slot, header, batch, next, length);
      vnic.put(this.ring, slot, bytes);
      next++;
    }
    this.publish(before);
    vnic.sent += next - first;
    return next - first;
  }

  /** Whether the ring has a place besides that for a link. */
  private hasRecord(): boolean {
    if (this.ring === NO_RING) return false;
    if (this.vnic.room(this.ring) > 1) return true;
    this.reclaim();
    return this.vnic.room(this.ring) > 1;
  }

  /** Into the next ring, if there is one; else it is asked for. */
  private goOn(before: number): boolean {
    if (this.ring === NO_RING || this.spare === NO_RING) {
      this.want();
      return false;
    }
    this.vnic.rings.put(this.ring, this.spare, LINK);
    this.publish(before);
    this.ring = this.spare;
    this.spare = NO_RING;
    return true;
  }

  private want(): void {
    if (this.isAsking || this.spare !== NO_RING) return;
    if (this.ring !== NO_RING && !this.mayGrow) return;
    this.isAsking = true;
    this.vnic.bells.ring(BELL_WANT, this.index);
  }

  private publish(before: number): void {
    const { rings, bells } = this.vnic;
    const { ring } = this;
    if (ring === NO_RING || rings.end(ring) === before || !rings.publish(ring)) return;
    // The agent had read all there was: it may grow again by and by.
    this.mayGrow = true;
    if (this.lastBell === NEVER || !bells.isUnread(this.lastBell))
      this.lastBell = bells.ring(BELL_DATA, this.index);
  }

  private writeFrame(slot: number, batch: PacketBatch, packet: number, length: number): number {
    const { memory } = this.vnic;
    // With the header's place in front, so that both lie at words.
    copyPacket(memory, slot, batch.memory, batch.frameAt[packet]! - FRAME_AT, FRAME_AT + length);
    return FRAME_AT + length;
  }

  private writeDatagram(
    slot: number,
    header: DatagramHeader,
    batch: PacketBatch,
    packet: number,
    length: number,
  ): number {
    const { memory, u16 } = this.vnic;
    if (length !== header.payloadLength) header.setLength(length);
    const { words, bytes } = header;
    const at = slot >>> 2;
    for (let i = 0; i < words.length; i++) memory.i32[at + i] = words[i]!;
    const sum = header.sum + copyAndSum(memory, slot + bytes, batch.memory, batch.payloadAt[packet]!, length);
    u16[(slot + header.checksumAt) >>> 1] = checksumOf(sum);
    return bytes + length;
  }
}

function urgencyWord({ weight = 1, priority = 0 }: Urgency): number {
  const isWeight = Number.isInteger(weight) && weight >= 1 && weight <= 255;
  if (isWeight && Number.isInteger(priority) && priority >= 0 && priority <= 7)
    return weight | (priority << 16);
  throw new SelvageError('bad-input', `A flow cannot have weight ${weight} and priority ${priority}.`, {
    hint: 'Weights are 1 to 255, priorities 0 (the most urgent) to 7.',
  });
}

function noBatch(): SelvageError {
  return new SelvageError('bad-input', 'There are no such packets in this batch.', {
    hint: 'Give a batch of endpoint.newBatch, and packets that it has places for.',
  });
}

function tooLong(length: number, most: number): SelvageError {
  return new SelvageError('bad-input', `A packet of ${length} bytes cannot be sent.`, {
    hint: `This flow takes up to ${most} bytes, and of a frame at least ${LEAST_FRAME_BYTES}.`,
  });
}
