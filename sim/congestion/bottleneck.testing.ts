// The bottleneck that the tests of algorithms have in common.

import type { SwiftTargets } from '../../src/congestion/swift.ts';
import { Dumbbell, type DumbbellOptions, type FlowSetup } from './dumbbell.ts';
import type { InelasticTraffic } from './inelastic.ts';

export const BITS_PER_SECOND = 20e6;
export const RTT_MICROS = 20_000;
export const BDP_BYTES = (BITS_PER_SECOND * RTT_MICROS) / 8e6;

/** Swift's targets for this round trip instead of a data centre's. */
export const wideAreaSwift: SwiftTargets = {
  baseMicros: 21_500,
  perHopMicros: 500,
  rangeMicros: 4000,
  endpointMicros: 500,
};

export function dumbbell(
  options: Partial<DumbbellOptions>,
  flows: readonly FlowSetup[],
  inelastic: readonly InelasticTraffic[] = [],
): Dumbbell {
  const usual = { seed: 1, bitsPerSecond: BITS_PER_SECOND, queueBytes: BDP_BYTES, reportDelayMicros: 30 };
  return new Dumbbell({ ...usual, ...options }, flows, inelastic);
}
