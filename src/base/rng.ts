// Seeded randomness. Pure folders take an Rng as an argument, so that every run can be repeated from its seed.

export interface Rng {
  /** A uniform unsigned 32-bit integer. */
  u32(): number;
}

/** xoshiro128** (Blackman & Vigna), seeded through splitmix32. */
export class SeededRng implements Rng {
  readonly seed: number;
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    let x = this.seed;
    const next = () => {
      x = (x + 0x9e3779b9) | 0;
      let z = x ^ (x >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next();
  }

  u32(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result >>> 0;
  }
}

/** A uniform integer in [0, bound). */
export function below(rng: Rng, bound: number): number {
  return Math.floor((rng.u32() / 0x1_0000_0000) * bound);
}

/** True with the given probability, 0 to 1. */
export function chance(rng: Rng, probability: number): boolean {
  return rng.u32() / 0x1_0000_0000 < probability;
}
