// SipHash-2-4 (Aumasson & Bernstein, 2012) of a few 32-bit words: 64 bits that nobody can compute without the key. For tags
// that come back by the network and must be ours. Numbers of 64 bits are two halves, since BigInt would allocate.

const ROUNDS_WORD = 2;
const ROUNDS_END = 4;

export class SipHash {
  /** Of the last `hash`: low half, high half. */
  readonly tag = new Uint32Array(2);
  private readonly key: Uint32Array;
  /** v0 to v3, low half first. */
  private readonly v = new Uint32Array(8);

  /** The key as a little-endian machine reads its 16 bytes. */
  constructor(key: readonly [number, number, number, number]) {
    this.key = Uint32Array.from(key);
  }

  /** The tag of the first `count` words, an even number. */
  hash(words: Uint32Array, count: number): void {
    const { v, key, tag } = this;
    v[0] = key[0]! ^ 0x70736575;
    v[1] = key[1]! ^ 0x736f6d65;
    v[2] = key[2]! ^ 0x6e646f6d;
    v[3] = key[3]! ^ 0x646f7261;
    v[4] = key[0]! ^ 0x6e657261;
    v[5] = key[1]! ^ 0x6c796765;
    v[6] = key[2]! ^ 0x79746573;
    v[7] = key[3]! ^ 0x74656462;
    for (let i = 0; i < count; i += 2) this.compress(words[i]!, words[i + 1]!);
    this.compress(0, (count * 4) << 24);
    v[4]! ^= 0xff;
    for (let i = 0; i < ROUNDS_END; i++) this.round();
    tag[0] = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
    tag[1] = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
  }

  private compress(low: number, high: number): void {
    const { v } = this;
    v[6]! ^= low;
    v[7]! ^= high;
    for (let i = 0; i < ROUNDS_WORD; i++) this.round();
    v[0]! ^= low;
    v[1]! ^= high;
  }

  private round(): void {
    const { v } = this;
    add(v, 0, 2);
    rotateXor(v, 2, 13, 0);
    rotate(v, 0, 32);
    add(v, 4, 6);
    rotateXor(v, 6, 16, 4);
    add(v, 0, 6);
    rotateXor(v, 6, 21, 0);
    add(v, 4, 2);
    rotateXor(v, 2, 17, 4);
    rotate(v, 4, 32);
  }
}

function add(v: Uint32Array, to: number, from: number): void {
  const low = v[to]! + v[from]!;
  v[to] = low;
  v[to + 1] = v[to + 1]! + v[from + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

function rotateXor(v: Uint32Array, at: number, bits: number, other: number): void {
  rotate(v, at, bits);
  v[at]! ^= v[other]!;
  v[at + 1]! ^= v[other + 1]!;
}

function rotate(v: Uint32Array, at: number, bits: number): void {
  const low = v[at]!;
  const high = v[at + 1]!;
  if (bits === 32) {
    v[at] = high;
    v[at + 1] = low;
    return;
  }
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}
