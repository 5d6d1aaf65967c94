// One flow of a session: a ring each way. As a queue it takes what goes to the other side and gives what came from there.
import type { Queue } from '../queue.ts';
import type { Consumer, ConsumerState } from './consumer.ts';
import type { Producer, ProducerState } from './producer.ts';

/** Rings the other side's doorbell for a ring: that it has records, or room again. */
export type Ring = (ring: number) => void;

export interface ChannelState {
  readonly outgoing: ProducerState;
  readonly incoming: ConsumerState;
  readonly short: boolean;
}

export class Channel implements Queue {
  /** The last push was not taken whole. */
  short: boolean;
  private readonly number: number;
  private readonly outgoing: Producer;
  private readonly incoming: Consumer;
  private readonly ring: Ring;

  /** Over ends that go on from their own old states. */
  constructor(number: number, outgoing: Producer, incoming: Consumer, ring: Ring, old?: ChannelState) {
    this.number = number;
    this.outgoing = outgoing;
    this.incoming = incoming;
    this.ring = ring;
    this.short = old?.short ?? false;
  }

  save(): ChannelState {
    return { outgoing: this.outgoing.save(), incoming: this.incoming.save(), short: this.short };
  }

  push(src: Uint32Array, n: number): number {
    const taken = this.outgoing.push(src, n);
    this.short = taken < n;
    if (taken > 0 && this.outgoing.mustRing()) this.ring(this.number);
    return taken;
  }

  pop(dst: Uint32Array, n: number): number {
    const count = this.incoming.pop(dst, n);
    if (count > 0 && this.incoming.mustRing()) this.ring(this.number);
    return count;
  }

  /** Records that a push would take, as far as is needed to know that it takes `enough`. */
  room(enough: number): number {
    return this.outgoing.room(enough);
  }

  /** Records that a pop would give. */
  available(): number {
    return this.incoming.available();
  }

  arm(): boolean {
    return this.incoming.arm();
  }

  /** Asks for a doorbell when half of the outgoing ring is free; false when it is. */
  armRoom(): boolean {
    return this.outgoing.armRoom();
  }
}
