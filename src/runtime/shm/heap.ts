// The two ends of a heap (mRPC §3.4.2): its owner allocates blocks and writes them, the other side reads them and gives
// them back. Blocks that were lent are in use until they come back; giving back goes through a ring and costs nobody a
// wake-up. What the reader is told, an address and a length, is checked against the segments that it has mapped.
import type { Channel } from './channel.ts';
import type { Health } from './half.ts';
import { MAX_BLOCKS } from './layout.ts';
import { SEGMENT_BYTES, Slab, type SlabState } from './slab.ts';

const RETURNS_AT_ONCE = 64;

export class OwnHeap {
  readonly segments: Uint8Array[];
  private readonly slab: Slab;
  private readonly returns: Channel;
  private readonly health: Health;
  private readonly batch = new Uint32Array(RETURNS_AT_ONCE);

  /** With an old state come the segments that it is of. */
  constructor(returns: Channel, health: Health, old?: SlabState, segments: Uint8Array[] = []) {
    this.returns = returns;
    this.health = health;
    this.slab = new Slab(old);
    this.segments = segments;
  }

  save(): SlabState {
    return this.slab.save();
  }

  addSegment(bytes: Uint8Array): void {
    this.segments.push(bytes);
    this.slab.addSegment();
  }

  /** The address of a block of at least `bytes`; -1 when there is none free. */
  alloc(bytes: number): number {
    if (this.slab.blocks < MAX_BLOCKS) {
      const address = this.slab.alloc(bytes);
      if (address >= 0) return address;
    }
    this.collect();
    return this.slab.blocks < MAX_BLOCKS ? this.slab.alloc(bytes) : -1;
  }

  free(address: number): boolean {
    return this.slab.free(address);
  }

  sizeOf(address: number): number {
    return this.slab.sizeOf(address);
  }

  /** After an allocation that failed: true when another segment would help it, false when only a returned block does. */
  wantsSegment(): boolean {
    return this.slab.blocks < MAX_BLOCKS;
  }

  segmentOf(address: number): Uint8Array {
    return this.segments[Math.floor(address / SEGMENT_BYTES)]!;
  }

  /** Takes back what the other side has returned. */
  private collect(): void {
    for (;;) {
      const count = this.returns.pop(this.batch, RETURNS_AT_ONCE);
      for (let i = 0; i < count; i++) if (!this.slab.free(this.batch[i]!)) this.health.blame('badReturn');
      if (count < RETURNS_AT_ONCE || this.health.fault !== 'none') return;
    }
  }
}

export class PeerHeap {
  readonly segments: Uint8Array[];
  private readonly returns: Channel;
  private readonly one = new Uint32Array(1);

  constructor(returns: Channel, segments: Uint8Array[] = []) {
    this.returns = returns;
    this.segments = segments;
  }

  /** The segment that a part lies in wholly; undefined when it does not. The part begins at `offsetOf(address)`. */
  segmentOf(address: number, length: number): Uint8Array | undefined {
    const segment = this.segments[Math.floor(address / SEGMENT_BYTES)];
    return segment !== undefined && offsetOf(address) + length <= segment.length ? segment : undefined;
  }

  /** Gives a block back to its owner; false when the owner has more of its blocks back than it ever lent. */
  giveBack(address: number): boolean {
    this.one[0] = address;
    return this.returns.push(this.one, 1) === 1;
  }
}

export function offsetOf(address: number): number {
  return address % SEGMENT_BYTES;
}
