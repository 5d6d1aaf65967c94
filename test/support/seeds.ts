// Tests that run once for every seed of a range. A failure names its seed; SELVAGE_SEED repeats that one alone,
// SELVAGE_RUNS asks for more of them than usual.

import { it } from 'vitest';

/** Declares a test that calls `run` with `count` seeds. */
export function itForSeeds(name: string, count: number, run: (seed: number) => void): void {
  const only = process.env['SELVAGE_SEED'];
  const runs = Number(process.env['SELVAGE_RUNS'] ?? count);
  it(`${name} (${only === undefined ? `${runs} seeds` : `seed ${only}`})`, {
    timeout: 60_000 * Math.ceil(runs / count),
  }, () => {
    if (only !== undefined) return run(Number(only));
    for (let seed = 1; seed <= runs; seed++) {
      try {
        run(seed);
      } catch (cause) {
        throw new Error(`with SELVAGE_SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        });
      }
    }
  });
}
