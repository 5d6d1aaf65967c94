// A piece is a run of bytes in the region: two words, offset and length. A frame is one piece, or several when
// it arrived as many packets; its last piece carries LAST. Whoever holds a piece holds one reference of its chunk.

export const PIECE_LAST = 0x8000_0000;
export const PIECE_LENGTH_MASK = 0x00ff_ffff;
/** The slot that a piece of a received frame came by. */
export const PIECE_SLOT_SHIFT = 24;
export const PIECE_SLOT_MASK = 0x0700_0000;

export interface PieceListState {
  readonly words: Uint32Array;
  readonly count: number;
}

/** Pieces in order: `words[2i]` is an offset, `words[2i + 1]` a length with PIECE_LAST. Filled and emptied each turn. */
export class PieceList {
  readonly words: Uint32Array;
  readonly capacity: number;
  count: number;

  constructor(capacity: number, old?: PieceListState) {
    this.capacity = capacity;
    this.words = old?.words ?? new Uint32Array(capacity * 2);
    this.count = old?.count ?? 0;
  }

  save(): PieceListState {
    const { words, count } = this;
    return { words, count };
  }

  push(offset: number, length: number): void {
    const at = this.count++ * 2;
    this.words[at] = offset;
    this.words[at + 1] = length;
  }

  /** One behind the last piece of the frame whose first piece is `from`. */
  frameEnd(from: number): number {
    let end = from;
    while (this.words[end * 2 + 1]! < PIECE_LAST) end++;
    return end + 1;
  }

  /** Marks the piece pushed last as the end of its frame. */
  endFrame(): void {
    const at = this.count * 2 - 1;
    this.words[at] = this.words[at]! | PIECE_LAST;
  }

  clear(): void {
    this.count = 0;
  }
}

export interface FrameQueueState {
  readonly words: Uint32Array;
  readonly head: number;
  readonly size: number;
  readonly held: number;
}

/** A first-in first-out queue of single-piece frames that grows up to a cap in frames and in bytes. */
export class FrameQueue {
  private words: Uint32Array;
  private head: number;
  private size: number;
  private held: number;

  constructor(old?: FrameQueueState) {
    this.words = old?.words ?? new Uint32Array(32);
    this.head = old?.head ?? 0;
    this.size = old?.size ?? 0;
    this.held = old?.held ?? 0;
  }

  save(): FrameQueueState {
    const { words, head, size, held } = this;
    return { words, head, size, held };
  }

  get frames(): number {
    return this.size;
  }

  get bytes(): number {
    return this.held;
  }

  /** `length` may have a piece's flags above it. */
  push(offset: number, length: number): void {
    if (this.size * 2 === this.words.length) this.grow();
    const mask = this.words.length - 1;
    const at = ((this.head + this.size) * 2) & mask;
    this.words[at] = offset;
    this.words[at + 1] = length;
    this.size++;
    this.held += length & PIECE_LENGTH_MASK;
  }

  /** In front of the others. */
  unshift(offset: number, length: number): void {
    if (this.size * 2 === this.words.length) this.grow();
    const places = this.words.length / 2;
    this.head = (this.head + places - 1) & (places - 1);
    this.words[this.head * 2] = offset;
    this.words[this.head * 2 + 1] = length;
    this.size++;
    this.held += length & PIECE_LENGTH_MASK;
  }

  frontOffset(): number {
    return this.words[(this.head * 2) & (this.words.length - 1)]!;
  }

  frontLength(): number {
    return this.frontWord() & PIECE_LENGTH_MASK;
  }

  /** The length with its flags. */
  frontWord(): number {
    return this.words[((this.head * 2) & (this.words.length - 1)) + 1]!;
  }

  backOffset(): number {
    return this.words[this.back * 2]!;
  }

  backLength(): number {
    return this.words[this.back * 2 + 1]! & PIECE_LENGTH_MASK;
  }

  /** Takes the last one out. */
  pop(): void {
    this.held -= this.backLength();
    this.size--;
  }

  /** Calls `visit` with the offset of every frame, in order. */
  each(visit: (offset: number) => void): void {
    const mask = this.words.length - 1;
    for (let i = 0; i < this.size; i++) visit(this.words[((this.head + i) * 2) & mask]!);
  }

  shift(): void {
    this.held -= this.frontLength();
    this.head = (this.head + 1) & (this.words.length / 2 - 1);
    this.size--;
  }

  /** Place of the last one. */
  private get back(): number {
    return (this.head + this.size - 1) & (this.words.length / 2 - 1);
  }

  private grow(): void {
    const old = this.words;
    this.words = new Uint32Array(old.length * 2);
    for (let i = 0; i < this.size; i++) {
      const from = ((this.head + i) * 2) & (old.length - 1);
      this.words[i * 2] = old[from]!;
      this.words[i * 2 + 1] = old[from + 1]!;
    }
    this.head = 0;
  }
}
