// A ring of bytes between two threads, for messages of any length up to a bound: one producer, one consumer, no lock. What
// does not fit is refused, so a consumer that has stopped costs its producer nothing but that. Each end keeps its own
// index privately and believes the other's only within what can be; messages are copied out before anyone reads them.

/** Word 0: bytes taken so far. Word 1: bytes put in so far. */
const HEAD = 0;
const TAIL = 1;
const DATA_BYTES_AT = 64;
const LENGTH_BYTES = 4;

export const RING_BYTES = 256 * 1024;
export const MAX_MESSAGE_BYTES = 4096;

export function newRingMemory(bytes = RING_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(DATA_BYTES_AT + bytes);
}

export class MessageRing {
  readonly memory: SharedArrayBuffer;
  /** Messages that had no room. */
  refused = 0;
  private readonly words: Int32Array;
  private readonly data: Uint8Array;
  private readonly mask: number;
  private readonly lengthBytes = new Uint8Array(LENGTH_BYTES);
  private readonly lengthView = new DataView(this.lengthBytes.buffer);
  private head: number;
  private tail: number;

  /** The length of the memory less its head must be a power of two. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, DATA_BYTES_AT / 4);
    this.data = new Uint8Array(memory, DATA_BYTES_AT);
    this.mask = this.data.length - 1;
    this.head = Atomics.load(this.words, HEAD) >>> 0;
    this.tail = Atomics.load(this.words, TAIL) >>> 0;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.words, TAIL) === Atomics.load(this.words, HEAD);
  }

  /** Puts in the first `length` bytes; false when there is no room. */
  push(message: Uint8Array, length: number): boolean {
    const used = (this.tail - Atomics.load(this.words, HEAD)) >>> 0;
    if (length > MAX_MESSAGE_BYTES || used + LENGTH_BYTES + length > this.data.length) {
      this.refused++;
      return false;
    }
    this.lengthView.setUint32(0, length, true);
    this.write(this.lengthBytes, LENGTH_BYTES);
    this.write(message, length);
    Atomics.store(this.words, TAIL, this.tail | 0);
    return true;
  }

  /** Copies the next message out and says how long it is; 0 when there is none. */
  pop(into: Uint8Array): number {
    const available = (Atomics.load(this.words, TAIL) - this.head) >>> 0;
    if (available < LENGTH_BYTES) return 0;
    this.read(this.lengthBytes, LENGTH_BYTES);
    const length = this.lengthView.getUint32(0, true);
    if (length > MAX_MESSAGE_BYTES || length > available - LENGTH_BYTES) {
      // Whatever the producer did: on with what it writes from now on.
      this.head = Atomics.load(this.words, TAIL) >>> 0;
      Atomics.store(this.words, HEAD, this.head | 0);
      return 0;
    }
    this.read(into, length);
    Atomics.store(this.words, HEAD, this.head | 0);
    return length;
  }

  private write(bytes: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) this.data[(this.tail + i) & this.mask] = bytes[i]!;
    this.tail = (this.tail + length) >>> 0;
  }

  private read(into: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) into[i] = this.data[(this.head + i) & this.mask]!;
    this.head = (this.head + length) >>> 0;
  }
}
