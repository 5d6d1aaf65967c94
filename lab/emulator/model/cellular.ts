// Traces like a cellular network's, by the model of Sprout (Winstein, Sivaraman and Balakrishnan, NSDI 2013, section 3):
// packets are delivered by a Poisson process whose rate itself wanders, as Brownian motion between nothing and a ceiling.
// At nothing it sticks: an outage, as when a phone changes its cell, ends after a second on average.
import { chance, type Rng } from '../../../src/base/rng.ts';
import { OPPORTUNITY_BYTES, type TraceMillis } from './trace.ts';

/** The paper's: the rate is looked at every 20 ms, ... */
const TICK_MILLIS = 20;
/** ... spreads by 200 packets a second in each second of a link of at most 1000, ... */
const SPREAD_PER_ROOT_SECOND = 0.2;
/** ... and leaves an outage at this rate. */
const ESCAPES_PER_SECOND = 1;

export interface CellularTrace {
  readonly seconds: number;
  /** That the rate never exceeds. */
  readonly ceilingBitsPerSecond: number;
}

/** Begins at half the ceiling. */
export function makeCellularTrace({ seconds, ceilingBitsPerSecond }: CellularTrace, rng: Rng): TraceMillis {
  const ceiling = ceilingBitsPerSecond / (OPPORTUNITY_BYTES * 8);
  const tickSeconds = TICK_MILLIS / 1000;
  const spread = SPREAD_PER_ROOT_SECOND * ceiling * Math.sqrt(tickSeconds);
  const escapeChance = 1 - Math.exp(-ESCAPES_PER_SECOND * tickSeconds);
  const lengthMillis = Math.round(seconds * 1000);
  const times: number[] = [];
  let packetsPerSecond = ceiling / 2;
  for (let tick = 0; tick < lengthMillis; tick += TICK_MILLIS) {
    const step = spread * normal(rng);
    if (packetsPerSecond > 0) packetsPerSecond = Math.min(ceiling, Math.max(0, packetsPerSecond + step));
    else if (chance(rng, escapeChance)) packetsPerSecond = Math.abs(step);
    addArrivals(times, tick, Math.min(lengthMillis, tick + TICK_MILLIS), packetsPerSecond, rng);
  }
  // The last time is the trace's length: an outage at its end belongs to it.
  times.push(lengthMillis);
  return times;
}

/** A Poisson process: the times between arrivals are exponential, and what is left of one begins anew. */
function addArrivals(times: number[], from: number, to: number, packetsPerSecond: number, rng: Rng): void {
  if (packetsPerSecond === 0) return;
  const meanMillis = 1000 / packetsPerSecond;
  for (let at = from + exponential(rng) * meanMillis; at < to; at += exponential(rng) * meanMillis) {
    times.push(Math.floor(at));
  }
}

function exponential(rng: Rng): number {
  return -Math.log(openUniform(rng));
}

/** Box and Muller's. */
function normal(rng: Rng): number {
  return Math.sqrt(2 * exponential(rng)) * Math.cos(2 * Math.PI * openUniform(rng));
}

/** Between 0 and 1, never 0. */
function openUniform(rng: Rng): number {
  return (rng.u32() + 0.5) / 0x1_0000_0000;
}
