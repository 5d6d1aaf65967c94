// Redis while the access link of the client's host loses 1 % of all packets in each direction. All traffic crosses that
// link, so no choice of paths helps: only repairing losses does.
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { worstRate, worstTime } from '../harness/ratios.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { withTestbed } from '../testbed.ts';
import { requireFigures, runRedisBenchmark } from '../workloads/redis-benchmark.ts';
import { startRedis } from '../workloads/redis-server.ts';
import { WARM_UP_NOTE, warmUp } from '../workloads/warm-up.ts';

const LOSS_PPM = 10_000;
const CLIENTS = 16;
const RUN_TIMEOUT_MILLIS = 90_000;

const FULL = { rounds: 5, requests: 20_000 };
const QUICK = { rounds: 1, requests: 20_000 };

const columns: readonly Column[] = [
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'p50Millis', title: 'p50 ms' },
  { metric: 'p99Millis', title: 'p99 ms' },
  { metric: 'p999Millis', title: 'p99.9 ms' },
  { metric: 'maxMillis', title: 'max ms' },
];

export function redisLoss({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, requests } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, client, server, accessLink } = testbed;
    const peers = [await attachKernelVxlan(testbed), await attachSelvage(testbed)];
    await startRedis(lab, server.name);
    await warmUp(testbed, peers, progress);
    await lab.setLink(accessLink, { lossPpm: LOSS_PPM });
    const measured = new Measurements();
    await inTurns(peers, rounds, progress, async (peer) => {
      for (const test of ['get', 'set'] as const) {
        const options = {
          host: peer.serverAddress,
          test,
          clients: CLIENTS,
          requests,
          timeoutMillis: RUN_TIMEOUT_MILLIS,
        };
        const { requests: _, ...figures } = requireFigures(
          await runRedisBenchmark(lab, client.name, options),
          options,
        );
        measured.record(peer.name, test.toUpperCase(), figures);
      }
    });
    const ratios = {
      p99At1Percent: worstTime(measured, 'kernelVxlan', 'p99Millis', ['GET']),
      throughputAt1Percent: worstRate(measured, 'kernelVxlan', 'requestsPerSecond', ['GET']),
    };
    const lost = (await lab.status()).links.find(({ name }) => name === accessLink)!;
    const notes = [
      WARM_UP_NOTE,
      `redis-benchmark, ${CLIENTS} clients, ${requests.toLocaleString('en-US')} requests a run.`,
      `Each direction of ${accessLink} lost 1 % at random: ${lost.aToB.lost + lost.bToA.lost} packets in all.`,
    ];
    return { rounds, peers, columns, measured, ratios, notes };
  });
}
