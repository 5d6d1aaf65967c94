// Whose a MAC is, by a small number: what every frame's destination is looked up in. A Map keeps a number of 48 bits as an
// object and takes ten times as long for it.

import type { Mac } from '../wire/address.ts';

const FIRST_PLACES = 16;
const NOBODY = -1;

export class MacTable {
  private count = 0;
  private macs = new Float64Array(FIRST_PLACES);
  private numbers = new Int32Array(FIRST_PLACES).fill(NOBODY);

  /** From now on the MAC has this number, of those from zero on. */
  set(mac: Mac, number: number): void {
    if (this.get(mac) === NOBODY && ++this.count * 2 > this.macs.length) this.grow();
    const place = this.placeOf(mac);
    this.macs[place] = mac;
    this.numbers[place] = number;
  }

  /** Its number, or -1. */
  get(mac: Mac): number {
    return this.numbers[this.placeOf(mac)]!;
  }

  /** Where the MAC is, or would be: behind those that have its place. */
  private placeOf(mac: Mac): number {
    const { macs, numbers } = this;
    const mask = macs.length - 1;
    const mixed = Math.imul(mac | 0, 0x9e37_79b1) ^ Math.imul(mac / 0x1_0000_0000, 0x85eb_ca6b);
    let place = (mixed ^ (mixed >>> 15)) & mask;
    while (numbers[place] !== NOBODY && macs[place] !== mac) place = (place + 1) & mask;
    return place;
  }

  private grow(): void {
    const { macs, numbers } = this;
    this.macs = new Float64Array(macs.length * 2);
    this.numbers = new Int32Array(macs.length * 2).fill(NOBODY);
    for (let i = 0; i < macs.length; i++) {
      if (numbers[i] === NOBODY) continue;
      const place = this.placeOf(macs[i]!);
      this.macs[place] = macs[i]!;
      this.numbers[place] = numbers[i]!;
    }
  }
}
