// Cross traffic that does not yield: packets of one size at a rate, whatever becomes of them, evenly or as a Poisson
// process.

import type { Rng } from '../../src/base/rng.ts';
import type { Clock } from '../clock.ts';

export interface InelasticTraffic {
  readonly bitsPerSecond: number;
  readonly gaps: 'even' | 'poisson';
  readonly startMicros?: number;
  readonly stopMicros?: number;
}

export function sendInelastic(
  clock: Clock,
  rng: Rng,
  packetBytes: number,
  { bitsPerSecond, gaps, startMicros = 0, stopMicros = Number.POSITIVE_INFINITY }: InelasticTraffic,
  send: () => void,
): void {
  const meanMicros = (packetBytes * 8e6) / bitsPerSecond;
  const next = () => {
    if (clock.nowMicros >= stopMicros) return;
    send();
    clock.after(gaps === 'even' ? meanMicros : -Math.log(1 - rng.u32() / 2 ** 32) * meanMicros, next);
  };
  clock.at(startMicros, next);
}
