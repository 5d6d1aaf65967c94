// The tenants' flows between one VTEP and one of its counterparts over some time: they begin at random, at a rate that
// differs from pair to pair, go on for a while, and each takes one of the ports.

import { below, type Rng } from '../../src/base/rng.ts';

export interface Flow {
  readonly startSecond: number;
  readonly endSecond: number;
  /** 0 to 31. */
  readonly port: number;
}

export interface PairPattern {
  /** Of half of the pairs, between two flows' beginnings. */
  readonly medianGapSeconds: number;
  /** Of the gaps' logarithm over pairs. */
  readonly sigma: number;
  readonly meanFlowSeconds: number;
}

const PORTS = 32;

/** In the order of their beginnings. */
export function pairFlows(pattern: PairPattern, seconds: number, rng: Rng): Flow[] {
  const gap = pattern.medianGapSeconds * Math.exp(pattern.sigma * normal(rng));
  const flows: Flow[] = [];
  for (let at = exponential(gap, rng); at < seconds; at += exponential(gap, rng)) {
    const endSecond = Math.min(seconds, at + exponential(pattern.meanFlowSeconds, rng));
    flows.push({ startSecond: at, endSecond, port: below(rng, PORTS) });
  }
  return flows;
}

function exponential(mean: number, rng: Rng): number {
  return -mean * Math.log(1 - uniform(rng));
}

/** Box and Muller's. */
function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - uniform(rng))) * Math.cos(2 * Math.PI * uniform(rng));
}

function uniform(rng: Rng): number {
  return rng.u32() / 0x1_0000_0000;
}
