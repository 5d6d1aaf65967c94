// What a request waits for when nothing is wrong. At one client nearly all of it is waking processes: a request and its
// answer pass two agents each, so Selvage adds four wake-ups at best, and what it adds is told in these.
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import { type Summary, summarize } from '../harness/statistics.ts';
import { figure } from '../harness/text-table.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import type { Peer } from '../peers/peer.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { startLoad } from '../workloads/load.ts';
import { requireFigures, runRedisBenchmark } from '../workloads/redis-benchmark.ts';
import { REDIS_PORT, startRedis } from '../workloads/redis-server.ts';
import { measureWakeCost, type WakeCost } from '../workloads/wake-cost.ts';
import { WARM_UP_NOTE, warmUp } from '../workloads/warm-up.ts';

const FULL = { rounds: 5, share: 1 };
const QUICK = { rounds: 1, share: 0.5 };

const CASES = [
  { situation: '1 client', clients: 1, requests: 20_000 },
  { situation: '50 clients', clients: 50, requests: 100_000 },
] as const;
const EXACT = { situation: '1 client, exact', requests: 10_000 };

const WAKE_ROUND_TRIPS = 10_000;
const WAKES_ADDED = 4;
const REQUEST_TIMEOUT_MILLIS = 1000;
const RUN_TIMEOUT_MILLIS = 60_000;

const columns: readonly Column[] = [
  { metric: 'p50Micros', title: 'p50 µs' },
  { metric: 'p99Micros', title: 'p99 µs' },
  { metric: 'requestsPerSecond', title: 'requests/s' },
];

export function latency({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, share } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const peers = [await attachKernelVxlan(testbed), await attachSelvage(testbed)];
    await startRedis(testbed.lab, testbed.server.name);
    await warmUp(testbed, peers, progress);
    const measured = new Measurements();
    const wakes: WakeCost[] = [];
    await inTurns(peers, rounds, progress, async (peer) => {
      wakes.push(await measureWakeCost(WAKE_ROUND_TRIPS * share));
      for (const { situation, clients, requests } of CASES) {
        const load = { clients, requests: requests * share };
        measured.record(peer.name, situation, await redisBenchmark(testbed, peer, load));
      }
      measured.record(peer.name, EXACT.situation, await exact(testbed, peer, EXACT.requests * share));
    });
    const wake = summarize(wakes.map((cost) => cost.acrossCoresMicros ?? cost.unpinnedMicros));
    const unpinned = summarize(wakes.map((cost) => cost.unpinnedMicros));
    const ratios = {
      p50At50Clients: quotient(measured, 'selvage', 'kernelVxlan', 'p50Micros', '50 clients'),
      addedPerWake: addedMicros(measured) / (WAKES_ADDED * wake.median),
    };
    return { rounds, peers, columns, measured, ratios, notes: notes(addedMicros(measured), wake, unpinned) };
  });
}

async function redisBenchmark(
  { lab, client }: Testbed,
  peer: Peer,
  load: { clients: number; requests: number },
) {
  const options = {
    host: peer.serverAddress,
    test: 'get',
    timeoutMillis: RUN_TIMEOUT_MILLIS,
    ...load,
  } as const;
  const { p50Millis, p99Millis, requestsPerSecond } = requireFigures(
    await runRedisBenchmark(lab, client.name, options),
    options,
  );
  return { p50Micros: p50Millis * 1000, p99Micros: p99Millis * 1000, requestsPerSecond };
}

/** redis-benchmark's steps of 8 µs are too coarse for a difference of some tens of microseconds. */
async function exact({ lab, client }: Testbed, peer: Peer, requests: number) {
  const load = await startLoad(lab, client.name, {
    host: peer.serverAddress,
    port: REDIS_PORT,
    connections: 1,
    request: 'get',
    intervalMillis: 0,
    requests,
    timeoutMillis: REQUEST_TIMEOUT_MILLIS,
    phase: EXACT.situation,
  });
  const { p50Micros, p99Micros, requestsPerSecond } = (await load.ended).at(-1)!;
  return { p50Micros, p99Micros, requestsPerSecond };
}

function addedMicros(measured: Measurements): number {
  const median = (peer: 'selvage' | 'kernelVxlan') => measured.median(peer, EXACT.situation, 'p50Micros')!;
  return median('selvage') - median('kernelVxlan');
}

function notes(added: number, wake: Summary, unpinned: Summary): string[] {
  return [
    WARM_UP_NOTE,
    'redis-benchmark GET; it keeps latencies in steps of 8 µs, so the case “exact” is one connection of our own client.',
    `Selvage adds ${figure(added)} µs at one client (exact); ${WAKES_ADDED} wake-ups cost ${figure(WAKES_ADDED * wake.median)} µs.`,
    `A wake-up costs ${figure(wake.median)} µs (${figure(wake.min)}–${figure(wake.max)}): half a round trip between two ` +
      'processes that sleep in epoll, through eventfds, each pinned to a core of its own; measured before each turn. ' +
      `Not pinned, when both may share a core, ${figure(unpinned.median)} µs.`,
  ];
}
