// A fingerprint of everything that happened in a run, in order: two runs with one seed have the same one, and a
// difference anywhere shows. Two 32-bit lanes of MurmurHash3's mixing, over any number of words.

export class Trace {
  events = 0;
  private low = 0x9747b28c;
  private high = 0x3c6ef372;

  /** Something happened at a time: what, where, how much. */
  note(atMicros: number, what: number, where: number, amount: number): void {
    this.events++;
    const nanos = Math.round(atMicros * 1000);
    this.mix(nanos | 0);
    this.mix((what << 28) ^ (where << 12) ^ amount);
  }

  /** Sixteen hexadecimal digits. */
  get fingerprint(): string {
    return hex(this.high) + hex(this.low);
  }

  private mix(word: number): void {
    const mixed = Math.imul(word, 0xcc9e2d51);
    this.low ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    this.low = (Math.imul((this.low << 13) | (this.low >>> 19), 5) + 0xe6546b64) | 0;
    this.high = (Math.imul(this.high ^ this.low, 0x85ebca6b) + ((this.low << 7) | (this.low >>> 25))) | 0;
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
