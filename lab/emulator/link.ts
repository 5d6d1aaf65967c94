// An emulated link between two TAPs: frames read from one are held by a delay line and written to the other.
// Frames are read into the slot they wait in and written from there; nothing is copied.

import type { Epoll } from '../../src/linux/epoll.ts';
import { read, write } from '../../src/linux/libc.ts';
import { type MappedMemory, mapMemory } from '../../src/linux/memory.ts';
import { DelayLine, type LinkParameters } from './delay-line.ts';

/** Held per direction at most: 32 MB. */
const HELD_BYTES = 32 * 1024 * 1024;
const ETHERNET_AND_VLAN_BYTES = 18;
/** Frames read from one TAP before the other has its turn. */
const READ_BURST = 64;

export interface DirectionCounts {
  readonly delivered: number;
  readonly dropped: number;
}

export class EmulatedWire {
  private readonly directions: readonly [Direction, Direction];

  constructor(fds: readonly [number, number], mtu: number, parameters: LinkParameters, epoll: Epoll) {
    this.directions = [
      new Direction(fds[0], fds[1], mtu, parameters),
      new Direction(fds[1], fds[0], mtu, parameters),
    ];
    for (const fd of fds) epoll.add(fd, fd);
  }

  configure(parameters: LinkParameters): void {
    for (const direction of this.directions) direction.line.configure(parameters);
  }

  /** Moves what can be moved now; microseconds until there is more to do, 0 when frames may be left to read. */
  turn(clock: () => number): number {
    let isBusy = false;
    for (const direction of this.directions) isBusy = direction.readFrames(clock) || isBusy;
    const now = clock();
    let next = Number.POSITIVE_INFINITY;
    for (const direction of this.directions) {
      direction.writeFrames(now);
      next = Math.min(next, direction.line.nextDue);
    }
    return isBusy ? 0 : Math.max(0, next - now);
  }

  /** From the first TAP to the second, and back. */
  counts(): readonly [DirectionCounts, DirectionCounts] {
    const [there, back] = this.directions;
    return [there.counts(), back.counts()];
  }
}

class Direction {
  readonly line: DelayLine;
  private readonly from: number;
  private readonly to: number;
  private readonly slotBytes: number;
  private readonly memory: MappedMemory;
  private readonly spill: MappedMemory;

  constructor(from: number, to: number, mtu: number, parameters: LinkParameters) {
    this.from = from;
    this.to = to;
    this.slotBytes = mtu + ETHERNET_AND_VLAN_BYTES;
    const slots = Math.floor(HELD_BYTES / this.slotBytes);
    this.line = new DelayLine(slots, parameters);
    this.memory = mapMemory(HELD_BYTES);
    this.lengths = new Uint32Array(slots);
    this.spill = mapMemory(this.slotBytes);
  }

  private readonly lengths: Uint32Array;

  /** True when the burst was used up: there may be more. */
  readFrames(clock: () => number): boolean {
    const { line, slotBytes, memory, spill } = this;
    for (let i = 0; i < READ_BURST; i++) {
      const slot = line.freeSlot;
      const address = slot < 0 ? spill.address : memory.address + slot * slotBytes;
      const length = read(this.from, address, slotBytes);
      if (length <= 0) return false;
      if (line.offer(clock(), length)) this.lengths[slot] = length;
    }
    return true;
  }

  writeFrames(now: number): void {
    const { line, slotBytes, memory, lengths } = this;
    for (let slot = line.take(now); slot >= 0; slot = line.take(now)) {
      // A TAP that is down refuses frames, as a cut cable would.
      write(this.to, memory.address + slot * slotBytes, lengths[slot]!);
    }
  }

  counts(): DirectionCounts {
    return { delivered: this.line.delivered, dropped: this.line.dropped };
  }
}
