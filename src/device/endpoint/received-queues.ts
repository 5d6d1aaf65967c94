// What the owner of an endpoint receives (Backdraft §4.1, receive): a queue a flow, of one ring, so that a flow it is slow with
// never delays another; what finds no room stays in the switch's own queues. Queues are the device's: they outlive their
// owner, and the next one is told of those that are open when they have something for it.

import { FLOW_WORDS, type FlowKey } from '../../packet/device.ts';
import { PIECE_LENGTH_MASK, type PieceList } from '../../packet/pieces.ts';
import type { Half, Health } from '../../runtime/shm/half.ts';
import {
  BELL_DATA,
  BELL_DONE,
  BELL_END,
  BELL_FLOW,
  BELL_ROOM,
  BELL_SLOTS,
  type Bells,
} from '../../runtime/vnic/bells.ts';
import { copyPacket, memoryOf, type PacketMemory } from '../../runtime/vnic/copy-packet.ts';
import { KEY, KEY_WORDS, RING_RECORDS, ringAt, type VnicLayout } from '../../runtime/vnic/layout.ts';
import { ProducerRings } from '../../runtime/vnic/rings.ts';
import { SlotPool } from '../../runtime/vnic/slots.ts';

const FREE = 0;
const OPEN = 1;
/** The switch is done with it, and its owner not yet. */
const ENDING = 2;

/** Of the rings, how many are left when idle queues are looked for, and so many are looked at for each that is needed. */
const SHORT_SHARE = 8;
const HAND_STEPS = 64;

/** Why a queue takes no more at the moment. */
const TAKES = 0;
const FULL = 1;
const NO_SLOT = 2;

/** What there is only with an owner. */
interface Shared {
  readonly bells: Bells;
  readonly mine: Half;
  readonly memory: PacketMemory;
  readonly rings: ProducerRings;
  readonly slots: SlotPool;
  readonly health: Health;
  /** Of each record of each ring the slot, and how many of a ring's were given back. */
  readonly slotOf: Uint32Array;
  readonly reclaimed: Uint32Array;
  /** Queues that the owner was told of, and their last doorbell for data. */
  readonly told: Uint8Array;
  readonly rung: Float64Array;
  slotsAsked: number;
  isAsking: boolean;
}

export class ReceivedQueues {
  frames = 0;
  /** Frames that nobody was there for, and those that fit into no slot. */
  unowned = 0;
  tooLong = 0;
  private readonly layout: VnicLayout;
  private readonly from: PacketMemory;
  private shared: Shared | undefined;
  private readonly state: Uint8Array;
  private readonly keys: Uint32Array;
  private readonly pool: Uint32Array;
  private free: number;
  /** One behind the highest queue that was ever opened: low ones are opened first. */
  private end = 0;
  /** Queues that refused frames and may take some again, each once. */
  private readonly roomy: Uint32Array;
  private readonly isRoomy: Uint8Array;
  private roomyFirst = 0;
  private roomyCount = 0;
  private readonly refused: Uint8Array;
  /** Whether a queue got frames since the hand last passed it, and where that is. */
  private readonly used: Uint8Array;
  private hand = 0;
  /** Where the next round begins among those that wait for slots. */
  private slotHand = 0;

  constructor(layout: VnicLayout, from: PacketMemory) {
    const queues = layout.shape.rings;
    this.layout = layout;
    this.from = from;
    this.state = new Uint8Array(queues);
    this.keys = new Uint32Array(queues * FLOW_WORDS);
    this.pool = Uint32Array.from({ length: queues }, (_, i) => queues - 1 - i);
    this.free = queues;
    this.roomy = new Uint32Array(queues);
    this.isRoomy = new Uint8Array(queues);
    this.refused = new Uint8Array(queues);
    this.used = new Uint8Array(queues);
  }

  get open(): number {
    return this.pool.length - this.free;
  }

  attach(mine: Half, theirs: Half, health: Health, bells: Bells): void {
    const { layout } = this;
    const queues = layout.shape.rings;
    this.shared = {
      bells,
      mine,
      memory: memoryOf(mine.u32.buffer),
      rings: new ProducerRings(layout, mine, theirs, health),
      slots: new SlotPool(layout),
      health,
      slotOf: new Uint32Array(queues * RING_RECORDS),
      reclaimed: new Uint32Array(queues),
      told: new Uint8Array(queues),
      rung: new Float64Array(queues).fill(-1),
      slotsAsked: 0,
      isAsking: false,
    };
  }

  /** The owner is gone, and what it had not read. What waits for it is asked for, and dropped. */
  detach(): void {
    this.shared = undefined;
    for (let queue = 0; queue < this.state.length; queue++) {
      if (this.state[queue] === ENDING) this.giveBack(queue);
      else if (this.state[queue] === OPEN && this.refused[queue] !== TAKES) this.addRoomy(queue);
    }
  }

  /** A doorbell of the owner about a queue. */
  hear(what: number, queue: number): void {
    const { shared, state } = this;
    if (shared === undefined) return;
    if (what === BELL_SLOTS) this.retrySlots(shared);
    else if (what === BELL_ROOM && state[queue] !== undefined) {
      if (this.refused[queue] !== TAKES) this.addRoomy(queue);
    } else if (what === BELL_DONE && state[queue] === ENDING) {
      this.reclaim(shared, queue);
      this.giveBack(queue);
    } else shared.health.blame('badDoorbell');
  }

  openQueue(key: FlowKey): number {
    if (this.free <= this.pool.length / SHORT_SHARE) this.findIdle();
    if (this.free === 0) return -1;
    const queue = this.pool[--this.free]!;
    if (queue >= this.end) this.end = queue + 1;
    this.state[queue] = OPEN;
    this.refused[queue] = TAKES;
    this.used[queue] = 1;
    for (let word = 0; word < FLOW_WORDS; word++) this.keys[queue * FLOW_WORDS + word] = key[word]!;
    return queue;
  }

  closeQueue(queue: number): void {
    const { shared } = this;
    this.refused[queue] = TAKES;
    if (shared === undefined || shared.told[queue] === 0) this.giveBack(queue);
    else {
      this.state[queue] = ENDING;
      shared.bells.ring(BELL_END, queue);
    }
  }

  nextRoomy(): number {
    while (this.roomyCount > 0) {
      const queue = this.roomy[this.roomyFirst]!;
      this.roomyFirst = (this.roomyFirst + 1) % this.roomy.length;
      this.roomyCount--;
      this.isRoomy[queue] = 0;
      if (this.state[queue] !== OPEN) continue;
      // One that refused nothing since is idle, or was.
      if (this.refused[queue] === TAKES && (this.used[queue] === 1 || !this.isEmpty(queue))) continue;
      this.refused[queue] = TAKES;
      return queue;
    }
    return -1;
  }

  /** Frames for a queue from piece `from` on; pieces consumed. */
  write(queue: number, list: PieceList, from: number): number {
    const { shared } = this;
    if (shared === undefined) {
      this.unowned += framesOf(list, from);
      return list.count - from;
    }
    this.used[queue] = 1;
    if (shared.told[queue] === 0) this.tell(shared, queue);
    let next = this.put(shared, queue, list, from);
    // What came free before the owner knew that we wait for it, it will not ring for.
    while (next < list.count && !this.ask(shared, queue)) next = this.put(shared, queue, list, next);
    return next - from;
  }

  private put(shared: Shared, queue: number, list: PieceList, from: number): number {
    const { rings, slots } = shared;
    const { slotBytes } = this.layout.shape;
    const { words } = list;
    const before = rings.end(queue);
    let next = from;
    this.refused[queue] = TAKES;
    while (next < list.count) {
      if (!this.hasPlace(shared, queue)) break;
      const end = list.frameEnd(next);
      let bytes = 0;
      for (let i = next; i < end; i++) bytes += words[i * 2 + 1]! & PIECE_LENGTH_MASK;
      if (bytes <= slotBytes) {
        const slot = slots.take();
        this.gather(shared.memory, slot, words, next, end);
        shared.slotOf[queue * RING_RECORDS + (rings.end(queue) % RING_RECORDS)] = slot;
        rings.put(queue, slot, bytes);
        this.frames++;
      } else this.tooLong++;
      next = end;
    }
    if (rings.end(queue) !== before) this.publish(shared, queue);
    return next;
  }

  private publish({ rings, rung, bells }: Shared, queue: number): void {
    if (!rings.publish(queue)) return;
    const last = rung[queue]!;
    if (last < 0 || !bells.isUnread(last)) rung[queue] = bells.ring(BELL_DATA, queue);
  }

  private gather(to: PacketMemory, slot: number, words: Uint32Array, first: number, end: number): void {
    let at = slot;
    for (let i = first; i < end; i++) {
      const length = words[i * 2 + 1]! & PIECE_LENGTH_MASK;
      copyPacket(to, at, this.from, words[i * 2]!, length);
      at += length;
    }
  }

  /** Whether the queue's ring and the slots have room for one more; else `refused` says which has none. */
  private hasPlace(shared: Shared, queue: number): boolean {
    if (mayHold(shared, queue)) return true;
    this.reclaim(shared, queue);
    if (mayHold(shared, queue)) return true;
    // Its own records will make room, where it has enough of them.
    this.refused[queue] = held(shared, queue) > RING_RECORDS / 2 ? FULL : NO_SLOT;
    return false;
  }

  /** Has the owner ring when the queue may take frames again; false when it may already. */
  private ask(shared: Shared, queue: number): boolean {
    if (this.refused[queue] === FULL) return shared.rings.askRoom(queue);
    return shared.isAsking || !this.askSlots(shared);
  }

  /** Has the owner ring when slots have come free; whether some did before it knew of that. */
  private askSlots(shared: Shared): boolean {
    shared.isAsking = true;
    shared.slotsAsked = (shared.slotsAsked + 1) | 0;
    Atomics.store(shared.mine.i32, this.layout.slotsAsked, shared.slotsAsked);
    return this.sweep(shared);
  }

  /** Slots came free, which are for those that wait for some. */
  private retrySlots(shared: Shared): void {
    shared.isAsking = false;
    this.sweep(shared);
    if (this.nameWaiting(shared) && this.askSlots(shared)) this.nameWaiting(shared);
  }

  /** Names, in turn, those that may have a slot, no more than there are: all others would be tried in vain. Some wait on? */
  private nameWaiting(shared: Shared): boolean {
    const { end, slotHand: first } = this;
    let left = shared.slots.free;
    let waitOn = false;
    for (let i = 0; i < end; i++) {
      const queue = first + i < end ? first + i : first + i - end;
      if (this.refused[queue] !== NO_SLOT || this.isRoomy[queue] === 1) continue;
      if (left === 0 || !mayHold(shared, queue)) waitOn = true;
      else {
        this.addRoomy(queue);
        this.slotHand = queue + 1;
        left--;
      }
    }
    return waitOn;
  }

  /** Takes back what the owner has read, of all queues; whether that was any. */
  private sweep(shared: Shared): boolean {
    const before = shared.slots.free;
    for (let queue = 0; queue < this.end; queue++) {
      if (shared.told[queue] === 1) this.reclaim(shared, queue);
    }
    return shared.slots.free > before;
  }

  private reclaim({ rings, slots, reclaimed, slotOf }: Shared, queue: number): void {
    const head = rings.headNow(queue);
    let next = reclaimed[queue]!;
    for (; next !== head; next = (next + 1) >>> 0) {
      slots.giveBack(slotOf[queue * RING_RECORDS + (next % RING_RECORDS)]!);
    }
    reclaimed[queue] = next;
  }

  private tell({ bells, mine, told }: Shared, queue: number): void {
    const at = ringAt(this.layout, queue) + KEY;
    for (let word = 0; word < KEY_WORDS; word++) mine.u32[at + word] = this.keys[queue * FLOW_WORDS + word]!;
    told[queue] = 1;
    bells.ring(BELL_FLOW, queue);
  }

  /** Rings run short: names queues that got nothing for a whole round of the hand and are empty, so that they are closed. */
  private findIdle(): void {
    const { state, used } = this;
    for (let looks = 0; looks < HAND_STEPS; looks++) {
      const queue = this.hand;
      this.hand = (queue + 1) % state.length;
      if (state[queue] !== OPEN || this.refused[queue] !== TAKES) continue;
      if (used[queue] === 1) used[queue] = 0;
      else if (this.isEmpty(queue)) this.addRoomy(queue);
    }
  }

  /** The owner has read all of it. */
  private isEmpty(queue: number): boolean {
    const rings = this.shared?.rings;
    return rings === undefined || rings.headNow(queue) === rings.end(queue);
  }

  private giveBack(queue: number): void {
    this.state[queue] = FREE;
    if (this.shared !== undefined) this.shared.told[queue] = 0;
    this.pool[this.free++] = queue;
  }

  private addRoomy(queue: number): void {
    if (this.isRoomy[queue] === 1) return;
    this.isRoomy[queue] = 1;
    this.roomy[(this.roomyFirst + this.roomyCount++) % this.roomy.length] = queue;
  }
}

/** Records of a queue whose slots have not come back. */
function held({ rings, reclaimed }: Shared, queue: number): number {
  return (rings.end(queue) - reclaimed[queue]!) >>> 0;
}

/** Whether a queue may hold one more. */
function mayHold(shared: Shared, queue: number): boolean {
  const holds = held(shared, queue);
  return holds < RING_RECORDS && shared.slots.free > 0 && holds < shared.slots.fairShare;
}

function framesOf(list: PieceList, from: number): number {
  let frames = 0;
  for (let start = from; start < list.count; frames++) start = list.frameEnd(start);
  return frames;
}
