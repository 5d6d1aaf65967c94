// Which parts of a heap are in use: a slab allocator over segments of 1 MB (mRPC §3.4.2, memory management). A segment is
// sixteen slabs of 64 KB; a slab holds blocks of one size, a power of two, and one that has become empty serves any
// size again; larger blocks are runs of slabs. All of this is private to the heap's owner: the other side can give a
// block back, and nothing else. An address is a byte's place in the heap as if its segments lay in a row.

export const SEGMENT_BYTES = 1 << 20;
export const MAX_SEGMENTS = 64;
const SLAB_BYTES = 1 << 16;
const SLABS = SEGMENT_BYTES / SLAB_BYTES;
const SMALLEST_SHIFT = 6;
const SLAB_SHIFT = 16;
const LARGEST_SHIFT = 20;
/** What a slab is, besides the shift of its blocks' size. */
const FREE = 0;
const CONTINUED = 1;

/** Arrays are taken over by reference. */
export interface SlabState {
  readonly segments: number;
  readonly blocks: number;
  readonly kind: Uint8Array;
  readonly used: readonly Uint32Array[];
  readonly usedCount: Uint16Array;
  readonly hint: Int32Array;
}

export class Slab {
  segments: number;
  /** Blocks in use. */
  blocks: number;
  /** For each slab its block size's shift, or FREE, or CONTINUED: a part of the large block that begins before it. */
  private readonly kind: Uint8Array;
  /** For each slab its blocks' state, one bit each, 1 in use; slabs of large blocks use the first bit. */
  private readonly used: Uint32Array[];
  private readonly usedCount: Uint16Array;
  /** For each block size the slab to look at first; -1: none. */
  private readonly hint: Int32Array;

  constructor(old?: SlabState) {
    this.segments = old?.segments ?? 0;
    this.blocks = old?.blocks ?? 0;
    this.kind = old?.kind ?? new Uint8Array(MAX_SEGMENTS * SLABS);
    this.used = [...(old?.used ?? [])];
    this.usedCount = old?.usedCount ?? new Uint16Array(MAX_SEGMENTS * SLABS);
    this.hint = old?.hint ?? new Int32Array(LARGEST_SHIFT + 1).fill(-1);
  }

  save(): SlabState {
    const { segments, blocks, kind, used, usedCount, hint } = this;
    return { segments, blocks, kind, used: [...used], usedCount, hint };
  }

  addSegment(): void {
    this.segments++;
    for (let i = 0; i < SLABS; i++) this.used.push(new Uint32Array(SLAB_BYTES >> (SMALLEST_SHIFT + 5)));
  }

  /** The address of a block of at least `bytes`; -1 when the segments have no room for it. */
  alloc(bytes: number): number {
    const shift = Math.max(SMALLEST_SHIFT, 32 - Math.clz32(bytes - 1));
    if (!(bytes > 0) || shift > LARGEST_SHIFT) return -1;
    const slab = this.slabFor(shift);
    if (slab < 0) return -1;
    const block = this.firstFree(slab);
    this.used[slab]![block >> 5]! |= 1 << (block & 31);
    this.usedCount[slab]!++;
    this.blocks++;
    return slab * SLAB_BYTES + block * 2 ** shift;
  }

  /** False when no block in use begins there. */
  free(address: number): boolean {
    if (!this.isUsed(address)) return false;
    const slab = Math.floor(address / SLAB_BYTES);
    const kind = this.kind[slab]!;
    const block = blockOf(address, kind);
    this.used[slab]![block >> 5]! &= ~(1 << (block & 31));
    this.blocks--;
    if (--this.usedCount[slab]! === 0) this.kind.fill(FREE, slab, slab + slabsOf(kind));
    else this.hint[kind] = slab;
    return true;
  }

  /** A block's length; 0 when no block in use begins there. */
  sizeOf(address: number): number {
    return this.isUsed(address) ? 2 ** this.kind[Math.floor(address / SLAB_BYTES)]! : 0;
  }

  /** Whether a block in use begins there. */
  private isUsed(address: number): boolean {
    const slab = Math.floor(address / SLAB_BYTES);
    if (!(slab >= 0 && slab < this.segments * SLABS)) return false;
    const kind = this.kind[slab]!;
    if (kind < SMALLEST_SHIFT) return false;
    const block = blockOf(address, kind);
    if (slab * SLAB_BYTES + block * 2 ** kind !== address) return false;
    return (this.used[slab]![block >> 5]! & (1 << (block & 31))) !== 0;
  }

  private slabFor(shift: number): number {
    const hint = this.hint[shift]!;
    if (hint >= 0 && this.kind[hint] === shift && this.usedCount[hint]! < blocksOf(shift)) return hint;
    let found = -1;
    const total = this.segments * SLABS;
    for (let slab = 0; slab < total && found < 0; slab++) {
      if (this.kind[slab] === shift && this.usedCount[slab]! < blocksOf(shift)) found = slab;
    }
    const run = slabsOf(shift);
    // Runs are aligned to their length, so none crosses the end of a segment.
    for (let slab = 0; slab < total && found < 0; slab += run) {
      if (this.isFree(slab, run)) found = slab;
    }
    if (found < 0) return -1;
    if (this.kind[found] === FREE) {
      this.kind.fill(CONTINUED, found, found + run);
      this.kind[found] = shift;
    }
    this.hint[shift] = found;
    return found;
  }

  private isFree(slab: number, run: number): boolean {
    for (let i = 0; i < run; i++) if (this.kind[slab + i] !== FREE) return false;
    return true;
  }

  private firstFree(slab: number): number {
    const words = this.used[slab]!;
    let word = 0;
    while (words[word] === 0xffff_ffff) word++;
    const free = ~words[word]!;
    return word * 32 + 31 - Math.clz32(free & -free);
  }
}

/** The block of its slab that the address lies in. */
function blockOf(address: number, shift: number): number {
  return shift >= SLAB_SHIFT ? 0 : (address % SLAB_BYTES) >>> shift;
}

function slabsOf(shift: number): number {
  return shift <= SLAB_SHIFT ? 1 : 2 ** (shift - SLAB_SHIFT);
}

function blocksOf(shift: number): number {
  return shift >= SLAB_SHIFT ? 1 : 2 ** (SLAB_SHIFT - shift);
}
