// An emulated link between two TAPs: frames read from one are held by a direction of the model and written to the other.
// The TAPs have no offloads, so the sender's kernel cuts what it sends: each frame is a packet as on a wire, and is
// counted as one. Frames are read into the slot they wait in and written from there; nothing is copied.
import type { Epoll } from '../../src/linux/epoll.ts';
import { read, write } from '../../src/linux/libc.ts';
import { type MappedMemory, mapMemory } from '../../src/linux/memory.ts';
import { ECN_NOT_ECT, ecnOf, setCongestionExperienced } from '../../src/wire/ecn.ts';
import { FLOW_KEY_WORDS, FlowClassifier, hashFlowKey } from '../../src/wire/flow-key.ts';
import { FrameView } from '../../src/wire/frame.ts';
import { Direction } from './model/direction.ts';
import { MARKED } from './model/packets.ts';
import { type DirectionParameters, keepsFlowsApart } from './model/parameters.ts';
import type { WrittenCounts } from './spec.ts';

/** Held per direction at most: 64 MB, taken from the system when they are needed first. */
const HELD_BYTES = 64 * 1024 * 1024;
const ETHERNET_AND_VLAN_BYTES = 18;
/** Frames read from one TAP before the other has its turn. */
const READ_BURST = 64;

export type BothDirections = readonly [DirectionParameters, DirectionParameters];

export class EmulatedWire {
  private readonly sides: readonly [Side, Side];
  private hasBegun = false;

  constructor(fds: readonly [number, number], mtu: number, [there, back]: BothDirections, seed: number) {
    this.sides = [new Side(fds[0], fds[1], mtu, there, seed), new Side(fds[1], fds[0], mtu, back, seed + 1)];
  }

  watch(epoll: Epoll): void {
    for (const { from } of this.sides) epoll.add(from, from);
  }

  configure(parameters: BothDirections, now: number): void {
    this.sides.forEach((side, i) => {
      side.configure(parameters[i]!, now);
    });
  }

  /** From the first TAP to the second, and back. */
  get directions(): readonly [Direction, Direction] {
    return [this.sides[0].direction, this.sides[1].direction];
  }

  /** Moves what can be moved now; microseconds until there is more to do, 0 when frames may be left to read. */
  turn(clock: () => number): number {
    let isBusy = false;
    for (const side of this.sides) isBusy = side.readFrames(clock, this) || isBusy;
    const now = clock();
    let next = Number.POSITIVE_INFINITY;
    for (const side of this.sides) {
      side.writeFrames(now);
      next = Math.min(next, side.direction.nextDue);
    }
    return isBusy ? 0 : Math.max(0, next - now);
  }

  /** The first packet of either direction arrives: both traces begin. */
  begin(now: number): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    for (const { direction } of this.sides) direction.begin(now);
  }

  counts(): WrittenCounts {
    const [{ counters: there }, { counters: back }] = this.directions;
    return [
      { delivered: there.delivered, dropped: there.dropped },
      { delivered: back.delivered, dropped: back.dropped },
    ];
  }
}

class Side {
  readonly direction: Direction;
  readonly from: number;
  private readonly to: number;
  private readonly slotBytes: number;
  private readonly memory: MappedMemory;
  private readonly spill: MappedMemory;
  private readonly classifier = new FlowClassifier();
  private readonly key = new Uint32Array(FLOW_KEY_WORDS);
  private readonly seed: number;
  private readonly frame = new FrameView();
  private keepsFlowsApart: boolean;

  constructor(from: number, to: number, mtu: number, parameters: DirectionParameters, seed: number) {
    this.from = from;
    this.to = to;
    this.slotBytes = mtu + ETHERNET_AND_VLAN_BYTES;
    this.direction = new Direction(Math.floor(HELD_BYTES / this.slotBytes), parameters, seed);
    this.memory = mapMemory(HELD_BYTES);
    this.spill = mapMemory(this.slotBytes);
    this.seed = seed;
    this.keepsFlowsApart = keepsFlowsApart(parameters.discipline);
  }

  configure(parameters: DirectionParameters, now: number): void {
    this.keepsFlowsApart = keepsFlowsApart(parameters.discipline);
    this.direction.configure(parameters, now);
  }

  /** True when the burst was used up: there may be more. */
  readFrames(clock: () => number, wire: EmulatedWire): boolean {
    const { direction, slotBytes, memory, spill } = this;
    for (let i = 0; i < READ_BURST; i++) {
      const slot = direction.freeSlot;
      const address = slot < 0 ? spill.address : memory.address + slot * slotBytes;
      const length = read(this.from, address, slotBytes);
      if (length <= 0) return false;
      const now = clock();
      if (direction.counters.arrived === 0) wire.begin(now);
      if (slot < 0) direction.arrive(now, length);
      else direction.arrive(now, length, this.flowOf(slot, length), this.isMarkable(slot, length));
    }
    return true;
  }

  writeFrames(now: number): void {
    const { direction, slotBytes, memory } = this;
    direction.advance(now);
    for (let slot = direction.take(now); slot >= 0; slot = direction.take(now)) {
      if (direction.pool.mark[slot] === MARKED) this.writeMark(slot);
      // A TAP that is down refuses frames, as a cut cable would.
      write(this.to, memory.address + slot * slotBytes, direction.pool.bytes[slot]!);
    }
  }

  private isMarkable(slot: number, length: number): boolean {
    const { frame, memory, slotBytes } = this;
    return frame.aim(memory.bytes, slot * slotBytes, length) && ecnOf(frame) !== ECN_NOT_ECT;
  }

  private writeMark(slot: number): void {
    const { frame, memory, slotBytes, direction } = this;
    if (!frame.aim(memory.bytes, slot * slotBytes, direction.pool.bytes[slot]!)) return;
    setCongestionExperienced(frame, memory.bytes);
  }

  /** What has no flow that can be read is one flow. */
  private flowOf(slot: number, length: number): number {
    if (!this.keepsFlowsApart) return 0;
    const { classifier, key, memory, slotBytes, seed } = this;
    return classifier.classify(memory.bytes, slot * slotBytes, length, key, 0)
      ? hashFlowKey(key, 0, seed)
      : 0;
  }
}
