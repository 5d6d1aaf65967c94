// Random weather for two transports: what a seed says about the network, its blackholes, and hosts that are kept
// from running.

import type { Conditions, Interval } from '../../sim/channel.ts';
import { checkState } from '../../sim/invariants.ts';
import { Traffic } from '../../sim/traffic.ts';
import type { Direction, PairOptions, TransportPair } from '../../sim/transport-pair.ts';
import { below, chance, type Rng } from '../../src/base/rng.ts';
import { localMemory, type Memory } from '../../src/packet/region.ts';
import { SLOTS } from '../../src/paths/path-table.ts';

const CHUNKS = 24;
const STORM_MICROS = 25_000;
let memories: readonly [Memory, Memory] | undefined;

/** Two hosts, in memory that is used again by the next call unless they ask for a certain size. */
export function trafficFor(seed: number, options: Omit<PairOptions, 'seed'> = {}): Traffic {
  if (options.hosts?.chunks !== undefined) return new Traffic({ seed, ...options });
  memories ??= [localMemory(CHUNKS), localMemory(CHUNKS)];
  return new Traffic({ seed, memories, ...options, hosts: { ...options.hosts, chunks: CHUNKS } });
}

export function uniform(rng: Rng, from: number, to: number): number {
  return from + (rng.u32() / 0x1_0000_0000) * (to - from);
}

/** Some value up to `most`, or, as often as not, nothing. */
function sometimes(rng: Rng, probability: number, most: number): number {
  return chance(rng, probability) ? uniform(rng, 0, most) : 0;
}

export function randomConditions(rng: Rng): Conditions {
  return {
    lossRate: sometimes(rng, 0.7, 0.3),
    duplicationRate: sometimes(rng, 0.4, 0.2),
    corruptionRate: sometimes(rng, 0.3, 0.1),
    reorderRate: sometimes(rng, 0.3, 0.1),
    reorderMicros: uniform(rng, 0, 300),
    delayMicros: uniform(rng, 10, 500),
    jitterMicros: sometimes(rng, 0.5, 100),
    bytesPerMicro: chance(rng, 0.3) ? uniform(rng, 100, 3000) : Number.POSITIVE_INFINITY,
  };
}

/** Nothing passes on about a third of the slots, one way or both, for some time within the interval. */
function randomBlackhole(network: TransportPair, rng: Rng, { fromMicros, toMicros }: Interval): void {
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter(() => chance(rng, 0.3));
  const directions: readonly Direction[][] = [[0], [1], [0, 1]];
  const begin = uniform(rng, fromMicros, toMicros);
  const end = uniform(rng, begin, toMicros);
  network.blackhole(directions[below(rng, 3)]!, slots, { fromMicros: begin, toMicros: end });
}

/** One of the hosts does not run for up to `mostMicros`. */
function randomSleep(network: TransportPair, rng: Rng, interval: Interval, mostMicros: number): void {
  const { clock, hosts } = network;
  const host = hosts[below(rng, 2)]!;
  const micros = uniform(rng, 0, mostMicros);
  clock.at(uniform(rng, interval.fromMicros, interval.toMicros), () => {
    host.deschedule(clock.nowMicros + micros);
  });
}

/** Bursts of frames of all sizes, both ways, on all pairs. */
export function randomBursts(traffic: Traffic, rng: Rng, bursts: number, interval: Interval): void {
  const { pairs } = traffic.network.hosts[0].options;
  for (let i = 0; i < bursts; i++) {
    const direction = chance(rng, 0.5) ? 0 : 1;
    const at = uniform(rng, interval.fromMicros, interval.toMicros);
    traffic.sendLater(at, direction, below(rng, pairs), 1 + below(rng, 20));
  }
}

/**
 * 25 ms of all of it: what is sent in it may arrive after it. The state of both hosts is checked
 * on the way; in the end the network is healed.
 */
export function passStorm(traffic: Traffic, rng: Rng): void {
  const { network } = traffic;
  const { clock, hosts } = network;
  const storm = { fromMicros: clock.nowMicros, toMicros: clock.nowMicros + STORM_MICROS };
  network.impose(randomConditions(rng));
  randomBursts(traffic, rng, 6, storm);
  for (let i = below(rng, 4); i > 0; i--) randomBlackhole(network, rng, storm);
  for (let i = below(rng, 3); i > 0; i--) randomSleep(network, rng, storm, 8000);
  for (let step = 1; step <= 5; step++) {
    clock.runUntil(storm.fromMicros + (step * STORM_MICROS) / 5);
    hosts.forEach(checkState);
  }
  network.heal();
}

/** Sends one frame each way on every pair and waits until all that was ever sent has arrived. */
export function settle(traffic: Traffic, withinMicros: number): void {
  const { clock, hosts } = traffic.network;
  const deadline = clock.nowMicros + withinMicros;
  for (let pair = 0; pair < hosts[0].options.pairs; pair++) {
    traffic.send(0, pair, [100]);
    traffic.send(1, pair, [100]);
  }
  if (!clock.runWhileNot(() => traffic.missing === 0, deadline)) {
    throw new Error(`${traffic.missing} frames did not arrive within ${withinMicros} us`);
  }
}
