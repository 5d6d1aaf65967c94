// Writes classic BPF programs (linux/filter.h, linux/bpf_common.h): an accumulator A, an index X, sixteen words of scratch
// memory, and jumps forward only. A load from behind the packet's end returns 0 from the program.

const BPF_LD = 0x00;
const BPF_LDX = 0x01;
const BPF_ST = 0x02;
const BPF_ALU = 0x04;
const BPF_JMP = 0x05;
const BPF_RET = 0x06;
const BPF_W = 0x00;
const BPF_H = 0x08;
const BPF_B = 0x10;
const BPF_IMM = 0x00;
const BPF_ABS = 0x20;
const BPF_IND = 0x40;
const BPF_MEM = 0x60;
const BPF_MUL = 0x20;
const BPF_AND = 0x50;
const BPF_RSH = 0x70;
const BPF_XOR = 0xa0;
const BPF_JA = 0x00;
const BPF_JEQ = 0x10;
const BPF_JGE = 0x30;
const BPF_X = 0x08;
const BPF_A = 0x10;

interface Jump {
  /** The instruction `ja` that is to be completed. */
  readonly at: number;
  readonly label: number;
}

export class Assembler {
  /** Two words each: code in 16 bits, jt and jf in 8 each; k. */
  private readonly words: number[] = [];
  private readonly places: number[] = [];
  private readonly jumps: Jump[] = [];

  /** A place to jump to, given later. */
  label(): number {
    return this.places.push(-1) - 1;
  }

  /** What comes next is at the label. */
  place(label: number): void {
    this.places[label] = this.count;
  }

  loadWord(at: number): void {
    this.emit(BPF_LD | BPF_W | BPF_ABS, at);
  }

  loadByte(at: number): void {
    this.emit(BPF_LD | BPF_B | BPF_ABS, at);
  }

  loadWordAtX(at: number): void {
    this.emit(BPF_LD | BPF_W | BPF_IND, at);
  }

  loadHalfAtX(at: number): void {
    this.emit(BPF_LD | BPF_H | BPF_IND, at);
  }

  setX(value: number): void {
    this.emit(BPF_LDX | BPF_IMM, value);
  }

  /** From and to scratch memory. */
  loadX(word: number): void {
    this.emit(BPF_LDX | BPF_MEM, word);
  }

  store(word: number): void {
    this.emit(BPF_ST, word);
  }

  and(value: number): void {
    this.emit(BPF_ALU | BPF_AND, value);
  }

  multiply(value: number): void {
    this.emit(BPF_ALU | BPF_MUL, value);
  }

  shiftRight(bits: number): void {
    this.emit(BPF_ALU | BPF_RSH, bits);
  }

  xorX(): void {
    this.emit(BPF_ALU | BPF_XOR | BPF_X, 0);
  }

  returns(value: number): void {
    this.emit(BPF_RET, value);
  }

  returnA(): void {
    this.emit(BPF_RET | BPF_A, 0);
  }

  jump(label: number): void {
    this.jumps.push({ at: this.count, label });
    this.emit(BPF_JMP | BPF_JA, 0);
  }

  // A conditional jump reaches 255 instructions, `ja` any: each leads to a `ja`, or over it.

  jumpIfEqual(value: number, label: number): void {
    this.emit(BPF_JMP | BPF_JEQ, value, 0, 1);
    this.jump(label);
  }

  jumpUnlessEqual(value: number, label: number): void {
    this.emit(BPF_JMP | BPF_JEQ, value, 1, 0);
    this.jump(label);
  }

  jumpIfAtLeast(value: number, label: number): void {
    this.emit(BPF_JMP | BPF_JGE, value, 0, 1);
    this.jump(label);
  }

  /** The instructions as an array of struct sock_filter on a little-endian machine. */
  finish(): Uint32Array {
    for (const { at, label } of this.jumps) this.words[at * 2 + 1] = this.places[label]! - at - 1;
    return Uint32Array.from(this.words, (word) => word >>> 0);
  }

  private get count(): number {
    return this.words.length / 2;
  }

  private emit(code: number, k: number, ifTrue = 0, ifFalse = 0): void {
    this.words.push(code | (ifTrue << 16) | (ifFalse << 24), k);
  }
}
