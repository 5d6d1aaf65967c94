// Runs the campaign: one fault after the other, on a fabric where all systems carry the same load at the same time.
import { flap } from '../../lab/flapping.ts';
import type { Lab } from '../../lab/lab.ts';
import { pause } from '../../lab/process.ts';
import type { Rng } from '../../src/base/rng.ts';
import type { PeerName } from '../peers/peer.ts';
import type { Progress } from '../testbed.ts';
import { type Load, startLoad } from '../workloads/load.ts';
import type { Timeline } from '../workloads/load-client/protocol.ts';
import { REDIS_PORT, startRedis } from '../workloads/redis-server.ts';
import { type Fault, patienceOf } from './campaign.ts';
import { chooseStrike, isHit, type Strike } from './strikes.ts';
import type { System } from './systems.ts';
import type { Interval } from './verdict.ts';
import { readWays, WaysInUse, watchWays } from './ways.ts';

/** Of each system; each connection asks every so often. */
export const CONNECTIONS = 8;
export const INTERVAL_MILLIS = 20;
export const TIMEOUT_MILLIS = 3000;
const TIMELINE = { binMillis: 100, gapMillis: INTERVAL_MILLIS + 5 };

const WARM_UP_MILLIS = 4000;
/** Before a fault everybody is answered again, and then the ways in use are counted. */
const STALL_MILLIS = 200;
const SETTLE_MILLIS = 700;
const PATIENCE_MILLIS = 5000;
const WATCH_MILLIS = 1000;

export interface Struck {
  readonly strike: Strike;
  readonly during: Interval;
  /** Whose traffic took the way that failed. */
  readonly hit: ReadonlySet<PeerName>;
}

export interface CampaignRun {
  readonly struck: readonly Struck[];
  /** When nothing was wrong with the fabric. */
  readonly calm: readonly Interval[];
  readonly timelines: ReadonlyMap<PeerName, Timeline>;
}

export async function runCampaign(
  lab: Lab,
  systems: readonly System[],
  faults: readonly Fault[],
  faultMillis: number,
  rng: Rng,
  progress: Progress,
): Promise<CampaignRun> {
  await watchWays(lab);
  const loads = new Map<PeerName, Load>();
  for (const system of systems) loads.set(system.peer.name, await loadOver(lab, system));
  await pause(WARM_UP_MILLIS);
  const struck: Struck[] = [];
  const calm: Interval[] = [];
  for (const [index, fault] of faults.entries()) {
    await settle([...loads.values()]);
    const from = epochMillis();
    const before = await readWays(lab);
    await pause(WATCH_MILLIS);
    const ways = new WaysInUse(before, await readWays(lab));
    const pairs = systems.map(({ hosts }) => hosts);
    const strike = chooseStrike(fault, lab.topology, pairs, ways, rng);
    const hit = systems.filter(({ hosts }) => isHit(strike, hosts, ways)).map(({ peer }) => peer.name);
    calm.push({ from, to: epochMillis() });
    progress(`Fault ${index + 1} of ${faults.length}: ${fault.kind}, ${strike.where} …`);
    struck.push({ strike, during: await carryOut(lab, strike, faultMillis), hit: new Set(hit) });
  }
  const timelines = new Map<PeerName, Timeline>();
  await pause(TIMEOUT_MILLIS);
  for (const [name, load] of loads) timelines.set(name, (await load.stopWithTimeline()).timeline!);
  return { struck, calm, timelines };
}

async function loadOver(lab: Lab, { peer, testbed }: System): Promise<Load> {
  const { client, server } = testbed;
  await startRedis(lab, server.name, peer.env);
  return startLoad(
    lab,
    client.name,
    {
      host: peer.serverAddress,
      port: REDIS_PORT,
      connections: CONNECTIONS,
      request: 'get',
      intervalMillis: INTERVAL_MILLIS,
      timeoutMillis: TIMEOUT_MILLIS,
      phase: 'campaign',
      timeline: TIMELINE,
    },
    peer.env,
  );
}

async function settle(loads: readonly Load[]): Promise<void> {
  await pause(SETTLE_MILLIS);
  const deadline = performance.now() + PATIENCE_MILLIS;
  while (loads.some((load) => load.stalledMillis > STALL_MILLIS)) {
    if (performance.now() > deadline) return;
    await pause(50);
  }
}

async function carryOut(lab: Lab, { fault, links, change }: Strike, faultMillis: number): Promise<Interval> {
  const lastsMillis = faultMillis * patienceOf(fault);
  const from = epochMillis();
  const heal = async () => {
    for (const link of links) await lab.resetLink(link);
  };
  const stop = fault.kind === 'flapping' ? await flap(lab, links, change, fault) : heal;
  if (stop === heal) for (const link of links) await lab.setLink(link, change);
  await pause(lastsMillis - (epochMillis() - from));
  const to = epochMillis();
  await stop();
  return { from, to };
}

function epochMillis(): number {
  return performance.timeOrigin + performance.now();
}
