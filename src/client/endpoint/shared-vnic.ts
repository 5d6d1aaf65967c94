// An endpoint's shared memory as its flows use it: rings, slots and doorbells of what is sent.

import { SelvageError } from '../../base/errors.ts';
import { type Half, Health } from '../../runtime/shm/half.ts';
import { Bells } from '../../runtime/vnic/bells.ts';
import { memoryOf, type PacketMemory } from '../../runtime/vnic/copy-packet.ts';
import { RING_RECORDS, type VnicLayout } from '../../runtime/vnic/layout.ts';
import { ProducerRings } from '../../runtime/vnic/rings.ts';
import { SlotPool } from '../../runtime/vnic/slots.ts';
import type { ClientSendingFlow } from './sending-flow.ts';

const NO_SLOT = 0xffff_ffff;

export class SharedVnic {
  readonly bells: Bells;
  readonly rings: ProducerRings;
  readonly slots: SlotPool;
  readonly memory: PacketMemory;
  readonly u16: Uint16Array;
  readonly health = new Health();
  sent = 0;
  /** Of each record of each ring its slot, and of each ring how far they have come back and whose it is. */
  private readonly slotOf: Uint32Array;
  private readonly reclaimed: Uint32Array;
  private readonly users: (ClientSendingFlow | undefined)[];

  constructor(layout: VnicLayout, mine: Half, theirs: Half, wake: () => void) {
    const { rings } = layout.shape;
    this.bells = new Bells(layout, mine, theirs, this.health, wake);
    this.rings = new ProducerRings(layout, mine, theirs, this.health);
    this.slots = new SlotPool(layout);
    this.memory = memoryOf(mine.u32.buffer);
    this.u16 = new Uint16Array(mine.u32.buffer);
    this.slotOf = new Uint32Array(rings * RING_RECORDS).fill(NO_SLOT);
    this.reclaimed = new Uint32Array(rings);
    this.users = Array.from({ length: rings });
  }

  checkAgent(): void {
    const { fault } = this.health;
    if (fault === 'none') return;
    throw new SelvageError('failed', `The agent broke the protocol of this endpoint (${fault}).`, {
      hint: 'Close the endpoint and open it anew; if it stays so, restart the agent.',
    });
  }

  /** A ring is granted: what another flow had in it was read long ago. */
  adopt(ring: number, flow: ClientSendingFlow): void {
    this.reclaim(ring);
    this.users[ring]?.left(ring);
    this.users[ring] = flow;
  }

  /** Records that fit and whose slots have come back. */
  room(ring: number): number {
    return RING_RECORDS - ((this.rings.end(ring) - this.reclaimed[ring]!) >>> 0);
  }

  put(ring: number, slot: number, bytes: number): void {
    this.slotOf[ring * RING_RECORDS + (this.rings.end(ring) % RING_RECORDS)] = slot;
    this.rings.put(ring, slot, bytes);
  }

  /** Takes back slots of what was read; whether nothing is left in the ring. */
  reclaim(ring: number): boolean {
    const { rings, slotOf, slots } = this;
    const head = rings.headNow(ring);
    let next = this.reclaimed[ring]!;
    for (; next !== head; next = (next + 1) >>> 0) {
      const at = ring * RING_RECORDS + (next % RING_RECORDS);
      // Links have none.
      if (slotOf[at] !== NO_SLOT) slots.giveBack(slotOf[at]!);
      slotOf[at] = NO_SLOT;
    }
    this.reclaimed[ring] = next;
    return head === rings.end(ring);
  }

  /** There is none left: looks whether others have some back. */
  findSlots(flow: ClientSendingFlow): boolean {
    flow.reclaim();
    if (this.slots.free > 0) return true;
    for (const user of new Set(this.users)) user?.reclaim();
    return this.slots.free > 0;
  }
}
