// What probing one peer costs its source, in requests, while nothing is wrong: the decisions of src/paths/reroute as a
// count over seconds, by each of ZooRoute §4.1's steps. A test holds it to the core itself; it exists because no computer runs
// the cores of 100,000 VTEPs.

import { FORM_GROUPS } from '../../src/paths/reroute/fast-select.ts';
import {
  HOT_MICROS,
  hotProbesPerSecond,
  IN_USE_MICROS,
  SURVEY_INTERVAL_MICROS,
} from '../../src/paths/reroute/prober.ts';
import { DEFAULT_IDLE_MICROS } from '../../src/paths/reroute/rerouter.ts';
import type { Manner } from '../../src/paths/reroute/roles.ts';
import type { Flow } from './pair-traffic.ts';

const SECOND = 1_000_000;
const IDLE = DEFAULT_IDLE_MICROS / SECOND;
const IN_USE = IN_USE_MICROS / SECOND;
const HOT = HOT_MICROS / SECOND;
const SURVEY = SURVEY_INTERVAL_MICROS / SECOND;
const PORTS = 32;
/** All ports are asked at once, three times, when a peer of several machines is met. */
const FIRST_LOOK = 3 * PORTS;

export interface PairCost {
  /** Every port once a second while the peer is active. */
  activePeers: number;
  /** What the core sends. */
  activePorts: number;
}

/** Adds what `seconds` of these flows cost to `cost`. */
export function addPairCost(cost: PairCost, flows: readonly Flow[], seconds: number, manner: Manner): void {
  const isSurveyed = manner.form === FORM_GROUPS;
  const lastUse = new Float64Array(PORTS).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  let lastPeerUse = Number.NEGATIVE_INFINITY;
  let wasActive = false;
  // Each second as it is in its middle.
  for (let second = Math.floor(flows[0]?.startSecond ?? seconds) + 0.5; second < seconds; second++) {
    for (; next < flows.length && flows[next]!.startSecond < second; next++) {
      const { endSecond, port } = flows[next]!;
      lastUse[port] = Math.max(lastUse[port]!, endSecond);
      lastPeerUse = Math.max(lastPeerUse, endSecond);
    }
    const isActive = second <= lastPeerUse + IDLE;
    if (!isActive) {
      if (next === flows.length) break;
      wasActive = false;
      second = Math.floor(flows[next]!.startSecond + 0.5) - 0.5;
      continue;
    }
    cost.activePeers += PORTS;
    let inUse = 0;
    for (let port = 0; port < PORTS; port++) if (second < lastUse[port]! + IN_USE) inUse++;
    const isHot = second < lastPeerUse + HOT;
    cost.activePorts += isHot && inUse > 0 ? hotProbesPerSecond(inUse) : inUse;
    if (isSurveyed) cost.activePorts += wasActive ? (PORTS - inUse) / SURVEY : FIRST_LOOK;
    wasActive = true;
  }
}
