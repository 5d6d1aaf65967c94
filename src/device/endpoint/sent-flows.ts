// What the owner of an endpoint sends (Backdraft §4.1, transmit): doorbells name its flows, and of the queues that they name
// frames are copied into the switch's memory, whose turn it is. Nothing that the owner has written is believed before it
// was copied, and a record that cannot be ends the session.

import { MAX_FRAME_BYTES } from '../../packet/device.ts';
import { PIECE_LAST, type PieceList } from '../../packet/pieces.ts';
import type { Region } from '../../packet/region.ts';
import type { ChunkWriter } from '../../packet/writer.ts';
import type { Half, Health } from '../../runtime/shm/half.ts';
import {
  BELL_CLOSE,
  BELL_CLOSED,
  BELL_DATA,
  BELL_OPEN,
  BELL_REST,
  BELL_ROOM,
  BELL_URGENCY,
  BELL_WANT,
  type Bells,
} from '../../runtime/vnic/bells.ts';
import { copyPacket, memoryOf, type PacketMemory } from '../../runtime/vnic/copy-packet.ts';
import { FRAME_AT, LINK, type VnicLayout } from '../../runtime/vnic/layout.ts';
import { ConsumerRings } from '../../runtime/vnic/rings.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { writeNativeFlow } from '../../wire/virtio-net-header.ts';
import { ActiveFlows } from './active-flows.ts';
import { NO_RING, RingGrants } from './ring-grants.ts';

const CLOSED = 0;
const OPEN = 1;
/** Gives back its rings when they are empty. */
const RESTING = 2;
const CLOSING = 3;

const LEAST_BYTES = FRAME_AT + ETHERNET_HEADER_BYTES;
const MOST_WEIGHT = 255;
const LAST_PRIORITY = 7;

export class SentFlows {
  readonly active: ActiveFlows;
  readonly grants: RingGrants;
  frames = 0;
  private readonly layout: VnicLayout;
  private readonly theirs: PacketMemory;
  private readonly words: Uint32Array;
  private readonly rings: ConsumerRings;
  private readonly bells: Bells;
  private readonly health: Health;
  private readonly state: Uint8Array;
  /** Those that the switch wants no more of. */
  private readonly held: Uint8Array;
  private readonly natives: Uint32Array;
  /** False: doorbells of data are not heard, and every flow's queue is looked at instead. */
  private readonly hearsData: boolean;
  /** One behind the highest flow that was ever open. */
  private opened = 0;
  /** Of those that give back their rings: they want one again. */
  private readonly wanting: Uint8Array;

  constructor(
    layout: VnicLayout,
    mine: Half,
    theirs: Half,
    health: Health,
    bells: Bells,
    ringsPerFlow: number,
    held: Uint8Array,
    hearsData: boolean,
  ) {
    const flows = layout.shape.rings;
    this.layout = layout;
    this.theirs = memoryOf(theirs.u32.buffer);
    this.words = theirs.u32;
    this.rings = new ConsumerRings(layout, mine, theirs, health);
    this.bells = bells;
    this.health = health;
    this.active = new ActiveFlows(flows);
    this.grants = new RingGrants(flows, ringsPerFlow, bells);
    this.state = new Uint8Array(flows);
    this.held = held;
    this.hearsData = hearsData;
    this.natives = new Uint32Array(flows);
    this.wanting = new Uint8Array(flows);
  }

  /** Nothing is left in the flows' queues, held or not. */
  get isEmpty(): boolean {
    if (!this.active.isEmpty) return false;
    const { rings, grants } = this;
    for (const ring of grants.reading) if (ring !== NO_RING && rings.available(ring) > 0) return false;
    return true;
  }

  /** A doorbell of the owner; false when it is not about what it sends. */
  hear(what: number, flow: number, a: number, b: number): boolean {
    if (what > BELL_URGENCY) return false;
    const state = this.state[flow];
    if (state === undefined || (state === CLOSED) !== (what === BELL_OPEN) || state === CLOSING) {
      this.health.blame('badDoorbell');
    } else if (what === BELL_DATA) {
      if (this.hearsData) this.wake(flow);
    } else if (what === BELL_OPEN) this.open(flow, a, b);
    else if (what === BELL_WANT) this.want(flow);
    else if (what === BELL_URGENCY) this.setUrgency(flow, a);
    else if (what === BELL_REST || what === BELL_CLOSE) {
      this.state[flow] = what === BELL_REST ? RESTING : CLOSING;
      this.wanting[flow] = 0;
      // It is found empty when its turn comes, held or not.
      if (this.grants.reading[flow] === NO_RING) this.leave(flow);
      else this.active.add(flow);
    }
    return true;
  }

  /** Reads frames into `out` until it is full or nothing is left; their number. `flows` gets the flow of each. */
  read(out: PieceList, flows: Uint32Array, region: Region, into: PacketMemory, writer: ChunkWriter): number {
    const before = out.count;
    if (!this.hearsData) this.lookAtAll();
    // At most once round: a flow that stays in the list for want of memory is not asked again.
    while (out.count < out.capacity) {
      const flow = this.active.take();
      if (flow < 0) break;
      const start = out.count;
      const more = this.serve(flow, out, region, into, writer);
      for (let i = start; i < out.count; i++) flows[i - before] = flow;
      if (more) this.active.again(flow);
      if (more && out.count === start && this.active.deficits[flow]! > 0) break;
    }
    const read = out.count - before;
    this.frames += read;
    return read;
  }

  private lookAtAll(): void {
    for (let flow = 0; flow < this.opened; flow++) {
      const ring = this.grants.reading[flow]!;
      if (ring !== NO_RING && this.rings.available(ring) > 0) this.wake(flow);
    }
  }

  /** The flow is not held any more. */
  resumed(flow: number): void {
    this.wake(flow);
  }

  nativeOf(flow: number): number {
    return this.natives[flow]!;
  }

  private open(flow: number, urgency: number, native: number): void {
    this.state[flow] = OPEN;
    this.opened = Math.max(this.opened, flow + 1);
    this.natives[flow] = native;
    this.setUrgency(flow, urgency);
    this.want(flow);
  }

  private want(flow: number): void {
    if (this.state[flow] === RESTING) {
      // What it has sent before comes first.
      if (this.grants.reading[flow] !== NO_RING) {
        this.wanting[flow] = 1;
        return;
      }
      this.state[flow] = OPEN;
    }
    this.grants.want(flow);
  }

  private setUrgency(flow: number, urgency: number): void {
    this.active.weights[flow] = Math.min(MOST_WEIGHT, Math.max(1, urgency & 0xffff));
    // Its place in a list is by the one it had.
    this.active.priorities[flow] = Math.min(LAST_PRIORITY, urgency >>> 16);
  }

  private wake(flow: number): void {
    if (this.held[flow] === 0 && this.grants.reading[flow] !== NO_RING) this.active.add(flow);
  }

  /** False when it has no more, or may not: then it is in no list. */
  private serve(
    flow: number,
    out: PieceList,
    region: Region,
    into: PacketMemory,
    writer: ChunkWriter,
  ): boolean {
    const { rings, grants, active } = this;
    if (this.held[flow] === 1) {
      active.done(flow);
      return false;
    }
    let ring = grants.reading[flow]!;
    let available = rings.available(ring);
    let taken = 0;
    let deficit = active.deficits[flow]!;
    let isStopped = false;
    while (taken < available && deficit > 0 && out.count < out.capacity && !isStopped) {
      const at = rings.recordAt(ring, taken);
      const place = this.words[at]!;
      const length = this.words[at + 1]!;
      if (length === LINK) {
        // Before the ring is another flow's.
        rings.take(ring, taken + 1);
        if (!grants.follow(flow, place)) return this.blame(flow);
        ring = place;
        available = rings.available(ring);
        taken = 0;
      } else if (!this.isPacket(place, length)) return this.blame(flow);
      else if (this.copy(place, length, this.natives[flow]!, out, region, into, writer)) {
        taken++;
        deficit -= length;
      } else isStopped = true;
    }
    active.deficits[flow] = deficit;
    if (taken > 0) rings.take(ring, taken);
    if (rings.mustRing(ring)) this.bells.ring(BELL_ROOM, flow);
    // After what was taken is known to the owner, who rings for what comes into an empty queue.
    if (rings.available(ring) > 0) return true;
    active.done(flow);
    if (this.state[flow] !== OPEN) this.leave(flow);
    return false;
  }

  /** False where there is no memory for it. */
  private copy(
    place: number,
    length: number,
    native: number,
    out: PieceList,
    region: Region,
    into: PacketMemory,
    writer: ChunkWriter,
  ): boolean {
    const at = writer.room(length);
    if (at === 0) return false;
    copyPacket(into, at, this.theirs, place, length);
    // What is to be done to a frame is not the owner's to say.
    const word = at >>> 2;
    into.i32[word] = 0;
    into.i32[word + 1] = 0;
    into.u8[at + 8] = 0;
    into.u8[at + 9] = 0;
    if (native !== 0) writeNativeFlow(region.bytes.view, at, native);
    writer.commit(length);
    region.retain(at, 1);
    out.push(at, length | PIECE_LAST);
    return true;
  }

  /** An idle flow's rings go back; one that is closed is no more. */
  private leave(flow: number): void {
    this.grants.release(flow);
    if (this.state[flow] === CLOSING) {
      this.state[flow] = CLOSED;
      this.bells.ring(BELL_CLOSED, flow);
    } else if (this.wanting[flow] === 1) {
      this.wanting[flow] = 0;
      this.state[flow] = OPEN;
      this.grants.want(flow);
    }
  }

  private isPacket(place: number, length: number): boolean {
    const { slotsBytesAt, halfBytes, shape } = this.layout;
    return (
      length >= LEAST_BYTES &&
      length <= shape.slotBytes &&
      length <= MAX_FRAME_BYTES &&
      place >= slotsBytesAt &&
      place + length <= halfBytes
    );
  }

  private blame(flow: number): false {
    this.health.blame('badBlock');
    this.active.done(flow);
    return false;
  }
}
