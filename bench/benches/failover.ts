// A spine that carries traffic loses a tenth of its packets, and then falls silent, under load (BIFROST §6.1.1, figure
// 16; BIFROST §F, figure F10). The links stay up, so nobody is told. Requests: how long does a client wait at most? The
// load is our own client's, because redis-benchmark tells neither gaps nor failures. Bulk: what is left of a flow?

import { pause } from '../../lab/process.ts';
import { attachPeers } from '../harness/attach.ts';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { figure } from '../harness/text-table.ts';
import { attachKernelMptcp } from '../peers/kernel-mptcp.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import type { Peer } from '../peers/peer.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { healSpine, loseAtSpine, silenceSpine } from '../silent-spine.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { iperfOver } from '../workloads/iperf-peers.ts';
import { startLoad } from '../workloads/load.ts';
import type { PhaseReport } from '../workloads/load-client/protocol.ts';
import { REDIS_PORT, startRedis } from '../workloads/redis-server.ts';
import { busiestSpine, readUplinks } from '../workloads/uplinks.ts';
import { ACCESS_BITS_PER_SECOND, type BulkTimes, bulkOverFailure, LOSS_PPM } from './failover-bulk.ts';

const CONNECTIONS = 16;
const REQUEST_TIMEOUT_MILLIS = 1000;

interface Scale {
  readonly rounds: number;
  readonly requests: readonly ('get' | 'set')[];
  readonly healthyMillis: number;
  readonly faultMillis: number;
  readonly bulkRounds: number;
  readonly bulk: BulkTimes;
}

const FULL: Scale = {
  rounds: 5,
  requests: ['get', 'set'],
  healthyMillis: 3000,
  faultMillis: 4000,
  bulkRounds: 3,
  bulk: { healthySeconds: 10, lossSeconds: 15, silentSeconds: 10, healedSeconds: 10 },
};
const QUICK: Scale = {
  rounds: 1,
  requests: ['get'],
  healthyMillis: 2000,
  faultMillis: 3000,
  bulkRounds: 1,
  bulk: { healthySeconds: 4, lossSeconds: 4, silentSeconds: 3, healedSeconds: 4 },
};

const WARM_UP = 'warm-up';
const WARM_UP_MILLIS = 500;
const FAULT_FREE = 'fault-free';
const LOSS = '10 % loss';
const SILENT = 'silent spine';

const columns: readonly Column[] = [
  { metric: 'longestGapMillis', title: 'longest gap ms' },
  { metric: 'p99Millis', title: 'p99 ms' },
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'answeredPercent', title: 'answered %' },
  { metric: 'failed', title: 'failed', total: true },
  { metric: 'mbitPerSecond', title: 'Mbit/s' },
  { metric: 'kept', title: 'kept' },
];

export function failover({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const scale = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { peers, missing } = await attachPeers(attaching(testbed), progress);
    await startRedis(testbed.lab, testbed.server.name);
    const measured = new Measurements();
    const singlePath = peers.filter(({ env }) => env === undefined);
    await inTurns(singlePath, scale.rounds, progress, async (peer) => {
      for (const request of scale.requests) {
        for (const phase of await requestsOverFailure(testbed, peer, request, scale)) {
          measured.record(peer.name, `${request.toUpperCase()}, ${phase.phase}`, valuesOf(phase));
        }
      }
    });
    const series = await measureBulk(testbed, peers, scale, measured, progress);
    const cases = scale.requests.map((request) => request.toUpperCase());
    const worstGap = Math.max(...cases.flatMap((name) => gaps(measured, name)));
    const worst = (...values: (number | undefined)[]) => Math.min(...(values as number[]));
    const ratios = {
      throughputKept: worst(...[LOSS, SILENT].map((name) => measured.median('selvage', bulk(name), 'kept'))),
      longestGapMillis: worstGap,
      // Who carries little keeps it easily.
      faultFreeOverLink:
        (measured.median('selvage', bulk(FAULT_FREE), 'mbitPerSecond')! * 1e6) / ACCESS_BITS_PER_SECOND,
      failed: measured
        .situations('selvage')
        .reduce((sum, name) => sum + measured.total('selvage', name, 'failed'), 0),
    };
    const notes = [...notesOn(measured, cases[0]!), ...missing];
    return { rounds: scale.rounds, peers, columns, measured, ratios, notes, series };
  });
}

function attaching(testbed: Testbed) {
  return [
    ['kernel VXLAN', () => attachKernelVxlan(testbed)],
    ['MPTCP', () => attachKernelMptcp(testbed)],
    ['Selvage', () => attachSelvage(testbed)],
  ] as const;
}

function gaps(measured: Measurements, request: string): number[] {
  return [LOSS, SILENT].map((phase) =>
    measured.median('selvage', `${request}, ${phase}`, 'longestGapMillis'),
  ) as number[];
}

function bulk(phase: string): string {
  return `bulk, ${phase}`;
}

/** The throughput over time in the last round. */
async function measureBulk(
  testbed: Testbed,
  peers: readonly Peer[],
  scale: Scale,
  measured: Measurements,
  progress: BenchOptions['progress'],
): Promise<Series[]> {
  const { lab, accessLink } = testbed;
  await lab.setLink(accessLink, { rateBitsPerSecond: ACCESS_BITS_PER_SECOND });
  const iperf = await iperfOver(testbed, peers);
  const curves = new Map<string, Series>();
  await inTurns(peers, scale.bulkRounds, progress, async (peer) => {
    const { healthy, loss, silent, curve } = await bulkOverFailure(testbed, peer, scale.bulk, iperf);
    measured.record(peer.name, bulk(FAULT_FREE), { mbitPerSecond: healthy / 1e6 });
    measured.record(peer.name, bulk(LOSS), { mbitPerSecond: loss / 1e6, kept: loss / healthy });
    measured.record(peer.name, bulk(SILENT), { mbitPerSecond: silent / 1e6, kept: silent / healthy });
    curves.set(peer.name, { chart: 'throughput', name: peer.title, points: curve });
  });
  await lab.resetLink(accessLink);
  return peers.map(({ name }) => curves.get(name)!);
}

/** The phases: fault-free, 10 % loss, silent spine. */
async function requestsOverFailure(
  testbed: Testbed,
  peer: Peer,
  request: 'get' | 'set',
  { healthyMillis, faultMillis }: Scale,
): Promise<readonly PhaseReport[]> {
  const { lab, client, clientLeaf } = testbed;
  const load = await startLoad(lab, client.name, {
    host: peer.serverAddress,
    port: REDIS_PORT,
    connections: CONNECTIONS,
    request,
    intervalMillis: 0,
    timeoutMillis: REQUEST_TIMEOUT_MILLIS,
    phase: WARM_UP,
  });
  await pause(WARM_UP_MILLIS);
  load.enterPhase(FAULT_FREE);
  const before = await readUplinks(lab, clientLeaf);
  await pause(healthyMillis);
  const spine = busiestSpine(before, await readUplinks(lab, clientLeaf));
  load.enterPhase(LOSS);
  await loseAtSpine(testbed, spine, LOSS_PPM);
  await pause(faultMillis);
  load.enterPhase(SILENT);
  await silenceSpine(testbed, spine);
  await pause(faultMillis);
  const [, ...phases] = await load.stop();
  await healSpine(testbed, spine);
  return phases;
}

function valuesOf({ longestGapMicros, p99Micros, requestsPerSecond, completed, failed }: PhaseReport) {
  return {
    longestGapMillis: longestGapMicros / 1000,
    p99Millis: p99Micros / 1000,
    requestsPerSecond,
    answeredPercent: (100 * completed) / Math.max(1, completed + failed),
    failed,
  };
}

function notesOn(measured: Measurements, request: string): string[] {
  const faultFree = measured.summary('selvage', `${request}, ${FAULT_FREE}`, 'longestGapMillis')!;
  return [
    `Fault-free, Selvage's longest gap was ${figure(faultFree.median)} ms (at most ${figure(faultFree.max)}).`,
    `GET and SET: ${CONNECTIONS} connections of our own client, each with one request at a time. A gap is the time between ` +
      `two answers on one connection; a request failed when it had no answer within ${REQUEST_TIMEOUT_MILLIS / 1000} s.`,
    'MPTCP carries the bulk flow alone: Redis and its clients do not ask for it. Longest gaps are of a round, and the ' +
      'bound is on their median over the rounds.',
    `Bulk: one flow of iperf3 over an access link of ${ACCESS_BITS_PER_SECOND / 1e6} Mbit/s; kept is the share of the ` +
      'fault-free throughput.',
    'The spine is the one that carried most of the peer’s packets just before. First its link to the client’s leaf loses ' +
      '10 % each way, then all its links drop everything.',
  ];
}
