// A spine that carries traffic falls silent under load: how long does a client wait at most? The load is our own
// client's, because redis-benchmark tells neither gaps nor failures. The links stay up, so nobody is told.

import { pause } from '../../lab/process.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { figure } from '../harness/text-table.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import type { Peer } from '../peers/peer.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { healSpine, silenceSpine } from '../silent-spine.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { startLoad } from '../workloads/load.ts';
import type { PhaseReport } from '../workloads/load-client/protocol.ts';
import { REDIS_PORT, startRedis } from '../workloads/redis-server.ts';
import { busiestSpine, readUplinks } from '../workloads/uplinks.ts';

const CONNECTIONS = 16;
const REQUEST_TIMEOUT_MILLIS = 1000;

const FULL = { rounds: 5, healthyMillis: 3000, silentMillis: 4000 };
const QUICK = { rounds: 2, healthyMillis: 2000, silentMillis: 3000 };

const WARM_UP = 'warm-up';
const WARM_UP_MILLIS = 500;
const FAULT_FREE = 'fault-free';
const SILENT = 'silent spine';

const columns: readonly Column[] = [
  { metric: 'longestGapMillis', title: 'longest gap ms' },
  { metric: 'p99Millis', title: 'p99 ms' },
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'failed', title: 'failed', total: true },
];

export function failover({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const times = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const peers = [await attachKernelVxlan(testbed), await attachSelvage(testbed)];
    await startRedis(testbed.lab, testbed.server.name);
    const measured = new Measurements();
    await inTurns(peers, times.rounds, progress, async (peer) => {
      const [, healthy, silent] = await loseSpine(testbed, peer, times);
      measured.record(peer.name, FAULT_FREE, valuesOf(healthy!));
      measured.record(peer.name, SILENT, valuesOf(silent!));
    });
    const ratios = {
      longestGapMillis: measured.median('selvage', SILENT, 'longestGapMillis'),
      failed: measured.total('selvage', FAULT_FREE, 'failed') + measured.total('selvage', SILENT, 'failed'),
    };
    const faultFree = measured.summary('selvage', FAULT_FREE, 'longestGapMillis')!;
    const notes = [
      `Fault-free, Selvage's longest gap was ${figure(faultFree.median)} ms (at most ${figure(faultFree.max)}).`,
      `${CONNECTIONS} connections of our own client, GET, each with one request at a time. A gap is the time between two ` +
        `answers on one connection; a request failed when it had no answer within ${REQUEST_TIMEOUT_MILLIS / 1000} s.`,
      'The spine is the one that carried most of the peer’s packets just before; all its links drop everything.',
    ];
    return { rounds: times.rounds, peers, columns, measured, ratios, notes };
  });
}

/** The phases: warm-up, fault-free, silent spine. */
async function loseSpine(
  testbed: Testbed,
  peer: Peer,
  { healthyMillis, silentMillis }: { healthyMillis: number; silentMillis: number },
): Promise<readonly PhaseReport[]> {
  const { lab, client, clientLeaf } = testbed;
  const load = await startLoad(lab, client.name, {
    host: peer.serverAddress,
    port: REDIS_PORT,
    connections: CONNECTIONS,
    request: 'get',
    intervalMillis: 0,
    timeoutMillis: REQUEST_TIMEOUT_MILLIS,
    phase: WARM_UP,
  });
  await pause(WARM_UP_MILLIS);
  load.enterPhase(FAULT_FREE);
  const before = await readUplinks(lab, clientLeaf);
  await pause(healthyMillis);
  const spine = busiestSpine(before, await readUplinks(lab, clientLeaf));
  load.enterPhase(SILENT);
  await silenceSpine(testbed, spine);
  await pause(silentMillis);
  const phases = await load.stop();
  await healSpine(testbed, spine);
  return phases;
}

function valuesOf({ longestGapMicros, p99Micros, requestsPerSecond, failed }: PhaseReport) {
  return {
    longestGapMillis: longestGapMicros / 1000,
    p99Millis: p99Micros / 1000,
    requestsPerSecond,
    failed,
  };
}
