// An owner of an endpoint in this process, for the switch's warm-up: it opens flows, sends frames of them and takes what comes,
// as applications do by `@selvage/client/endpoint`, and knows no more than that needs.

import type { EndpointDevice } from '../../device/endpoint/endpoint-device.ts';
import { type Half, Health, halfOf } from '../../runtime/shm/half.ts';
import {
  BELL_DATA,
  BELL_DONE,
  BELL_END,
  BELL_FLOW,
  BELL_GRANT,
  BELL_OPEN,
  BELL_ROOM,
  BELL_SLOTS,
  BELL_WANT,
  Bells,
  numberOf,
  whatOf,
} from '../../runtime/vnic/bells.ts';
import { BELL_WORDS, LINK, RING_RECORDS, type VnicLayout } from '../../runtime/vnic/layout.ts';
import { ConsumerRings, ProducerRings } from '../../runtime/vnic/rings.ts';

const NONE = -1;

export class WarmOwner {
  taken = 0;
  readonly health = new Health();
  private readonly layout: VnicLayout;
  private readonly theirs: Half;
  private readonly memory: Uint8Array;
  private readonly bells: Bells;
  private readonly sends: ProducerRings;
  private readonly receives: ConsumerRings;
  /** Of each flow its ring, and another one that was granted. */
  private readonly ring: number[] = [];
  private readonly spare: number[] = [];
  private readonly ready = new Set<number>();
  private readonly ending = new Set<number>();
  private slotsAnswered = 0;

  constructor(device: EndpointDevice, layout: VnicLayout) {
    const [mine, theirs] = [0, 1].map(() => halfOf(new ArrayBuffer(layout.halfBytes))) as [Half, Half];
    this.layout = layout;
    this.theirs = theirs;
    this.memory = new Uint8Array(mine.u32.buffer);
    this.bells = new Bells(layout, mine, theirs, this.health, () => {});
    this.sends = new ProducerRings(layout, mine, theirs, this.health);
    this.receives = new ConsumerRings(layout, mine, theirs, this.health);
    device.attach(theirs, mine, () => {});
  }

  /** Another flow: its number. */
  open(weight: number, priority: number, native: number): number {
    const flow = this.ring.push(NONE) - 1;
    this.spare.push(NONE);
    this.bells.ring(BELL_OPEN, flow, weight | (priority << 16), native);
    return flow;
  }

  /** So many frames with these bytes, as far as there is room. */
  send(flow: number, frame: Uint8Array, count: number): void {
    const { sends, memory, layout } = this;
    let ring = this.ring[flow]!;
    if (ring === NONE) return;
    sends.headNow(ring);
    for (let i = 0; i < count; i++) {
      if (sends.room(ring) <= 1) {
        if (!this.goOn(flow)) return;
        ring = this.ring[flow]!;
      }
      // A slot for each record: none needs to come back.
      const record = ring * RING_RECORDS + (sends.end(ring) % RING_RECORDS);
      const slot = layout.slotsBytesAt + record * layout.shape.slotBytes;
      memory.set(frame, slot);
      sends.put(ring, slot, frame.length);
    }
    if (sends.publish(ring)) this.bells.ring(BELL_DATA, flow);
  }

  /** Hears doorbells, and takes so many frames at most of each queue. */
  receive(most: number): void {
    const count = this.bells.listen();
    const { heard } = this.bells;
    for (let i = 0; i < count; i++) {
      const word = heard[i * BELL_WORDS]!;
      this.hear(whatOf(word), numberOf(word), heard[i * BELL_WORDS + 1]!);
    }
    if (most === 0) return;
    for (const queue of this.ready) this.take(queue, most);
    const asked = Atomics.load(this.theirs.i32, this.layout.slotsAsked);
    if (asked === this.slotsAnswered) return;
    this.slotsAnswered = asked;
    this.bells.ring(BELL_SLOTS, 0);
  }

  private hear(what: number, number: number, a: number): void {
    if (what === BELL_DATA || what === BELL_FLOW) this.ready.add(number);
    else if (what === BELL_END) {
      this.ending.add(number);
      this.ready.add(number);
    } else if (what === BELL_GRANT) {
      if (this.ring[number] === NONE) this.ring[number] = a;
      else this.spare[number] = a;
    }
  }

  /** Into the next ring, if one was granted. */
  private goOn(flow: number): boolean {
    const { sends, spare, ring, bells } = this;
    const [full, next] = [ring[flow]!, spare[flow]!];
    if (next === NONE) {
      if (sends.publish(full)) bells.ring(BELL_DATA, flow);
      bells.ring(BELL_WANT, flow);
      return false;
    }
    sends.put(full, next, LINK);
    if (sends.publish(full)) bells.ring(BELL_DATA, flow);
    ring[flow] = next;
    spare[flow] = NONE;
    return true;
  }

  private take(queue: number, most: number): void {
    const { receives, bells } = this;
    const available = receives.available(queue);
    const count = Math.min(available, most);
    this.taken += count;
    if (count > 0) receives.take(queue, count);
    if (count > 0 && receives.mustRing(queue)) bells.ring(BELL_ROOM, queue);
    if (receives.available(queue) > 0) return;
    this.ready.delete(queue);
    if (this.ending.delete(queue)) bells.ring(BELL_DONE, queue);
  }
}
