// Memory for queues (Backdraft §4.2): rings of 64 records, linked to make a queue longer and given back when they are
// empty. A ring given back last is taken first, while the cache still has it. A record is a piece: offset, and length with flags.
//
// Rings come in slabs that are allocated when the rings before were not enough and stay: memory follows the most that
// was ever needed at once, and never more than the cap.

export const RING_RECORDS = 64;
const RING_WORDS = RING_RECORDS * 2;
const RING_SHIFT = 7;
const SLAB_SHIFT = 8;
const SLAB_RINGS = 1 << SLAB_SHIFT;
const NONE = -1;

export interface RingPoolState {
  readonly slabs: readonly Uint32Array[];
  readonly following: Int32Array;
  readonly given: number;
  readonly fresh: number;
  readonly free: number;
}

export class RingPool {
  private readonly slabs: Uint32Array[];
  /** Of a ring in use the next one of its queue; of one given back the one given back before. */
  private following: Int32Array;
  /** The ring given back last, and the first that was never taken. */
  private given: number;
  private fresh: number;
  private freeRings: number;

  constructor(capacity: number, old?: RingPoolState) {
    this.slabs = [...(old?.slabs ?? [])];
    this.following = old?.following ?? new Int32Array(0);
    this.given = old?.given ?? NONE;
    this.fresh = old?.fresh ?? 0;
    this.freeRings = old?.free ?? capacity;
  }

  save(): RingPoolState {
    const { slabs, following, given, fresh, freeRings } = this;
    return { slabs: [...slabs], following, given, fresh, free: freeRings };
  }

  /** Rings that can still be taken. */
  get free(): number {
    return this.freeRings;
  }

  /** A ring, or -1 when all are taken. */
  take(): number {
    if (this.freeRings === 0) return NONE;
    this.freeRings--;
    const ring = this.given;
    if (ring === NONE) return this.unused();
    this.given = this.following[ring]!;
    return ring;
  }

  give(ring: number): void {
    this.following[ring] = this.given;
    this.given = ring;
    this.freeRings++;
  }

  link(ring: number, next: number): void {
    this.following[ring] = next;
  }

  next(ring: number): number {
    return this.following[ring]!;
  }

  write(ring: number, at: number, offset: number, word: number): void {
    const slab = this.slabs[ring >>> SLAB_SHIFT]!;
    const index = ((ring & (SLAB_RINGS - 1)) << RING_SHIFT) + at * 2;
    slab[index] = offset;
    slab[index + 1] = word;
  }

  offset(ring: number, at: number): number {
    return this.slabs[ring >>> SLAB_SHIFT]![((ring & (SLAB_RINGS - 1)) << RING_SHIFT) + at * 2]!;
  }

  word(ring: number, at: number): number {
    return this.slabs[ring >>> SLAB_SHIFT]![((ring & (SLAB_RINGS - 1)) << RING_SHIFT) + at * 2 + 1]!;
  }

  private unused(): number {
    const ring = this.fresh++;
    if (ring >>> SLAB_SHIFT === this.slabs.length) {
      this.slabs.push(new Uint32Array(SLAB_RINGS * RING_WORDS));
      const following = new Int32Array(this.slabs.length * SLAB_RINGS);
      following.set(this.following);
      this.following = following;
    }
    return ring;
  }
}
