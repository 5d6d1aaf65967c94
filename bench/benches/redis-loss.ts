// Redis while the access link of the client's host loses packets at random in each direction (BIFROST §6.2, figure 20).
// All traffic crosses that link, so no choice of paths helps: only repairing losses does.
import type { BenchOptions, BenchOutcome } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { worstRate, worstTime } from '../harness/ratios.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { withTestbed } from '../testbed.ts';
import { lossText, withLoss } from '../workloads/lossy-link.ts';
import { redisColumns, requireFigures, runRedisBenchmark } from '../workloads/redis-benchmark.ts';
import { startRedis } from '../workloads/redis-server.ts';
import { WARM_UP_NOTE, warmUp } from '../workloads/warm-up.ts';

const MOST_PPM = 10_000;
const CLIENTS = 16;
const RUN_TIMEOUT_MILLIS = 90_000;

const FULL = { rounds: 5, requests: 20_000, lossesPpm: [0, 1000, 5000, MOST_PPM] };
const QUICK = { rounds: 1, requests: 20_000, lossesPpm: [0, MOST_PPM] };

export function redisLoss({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, requests, lossesPpm } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, client, server, accessLink } = testbed;
    const peers = [await attachKernelVxlan(testbed), await attachSelvage(testbed)];
    await startRedis(lab, server.name);
    await warmUp(testbed, peers, progress);
    const measured = new Measurements();
    let lost = 0;
    for (const lossPpm of lossesPpm) {
      lost += await withLoss(testbed, lossPpm, () =>
        inTurns(peers, rounds, progress, async (peer) => {
          for (const test of ['get', 'set'] as const) {
            const target = { host: peer.serverAddress, timeoutMillis: RUN_TIMEOUT_MILLIS };
            const options = { ...target, test, clients: CLIENTS, requests };
            const { requests: _, ...figures } = requireFigures(
              await runRedisBenchmark(lab, client.name, options),
              options,
            );
            measured.record(peer.name, situation(test, lossPpm), figures);
          }
        }),
      );
    }
    const worst = [situation('get', MOST_PPM)];
    const time = (metric: string) => worstTime(measured, 'kernelVxlan', metric, worst);
    const ratios = {
      p99At1Percent: time('p99Millis'),
      p999At1Percent: time('p999Millis'),
      maxAt1Percent: time('maxMillis'),
      throughputAt1Percent: worstRate(measured, 'kernelVxlan', 'requestsPerSecond', worst),
    };
    const notes = [
      WARM_UP_NOTE,
      `redis-benchmark, ${CLIENTS} clients, ${requests.toLocaleString('en-US')} requests a run.`,
      `Each direction of ${accessLink} lost packets at random: ${lost.toLocaleString('en-US')} in all.`,
    ];
    return { rounds, peers, columns: redisColumns, measured, ratios, notes };
  });
}

function situation(test: 'get' | 'set', lossPpm: number): string {
  return `${test.toUpperCase()}, ${lossText(lossPpm)}`;
}
