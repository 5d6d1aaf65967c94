// Waiting for what must come true, not for time to pass.
import { pause } from '../../lab/process.ts';

/** The first value that is neither undefined nor false; rejects after `patienceMillis`, saying what never came. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  patienceMillis = 30_000,
): Promise<T> {
  const deadline = performance.now() + patienceMillis;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`waited ${patienceMillis} ms for ${what}`);
    await pause(10);
  }
}
