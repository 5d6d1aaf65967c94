// Processor time of agents that have joined two machines and have nothing to do: connections are up, paths are known.
import { pause } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { processSeconds } from '../workloads/cpu-time.ts';
import { startLoad } from '../workloads/load.ts';
import { REDIS_PORT, startRedisOrStandIn } from '../workloads/redis-server.ts';

const FULL = { rounds: 3, seconds: 10 };
const QUICK = { rounds: 1, seconds: 10 };
const WARM_UP_REQUESTS = 2000;
/** Until start-up's last compilation and collection of garbage are over. */
const SETTLE_MILLIS = 3000;

const columns: readonly Column[] = [{ metric: 'cpuPercent', title: '% of a core' }];

export function idle({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const peer = await attachSelvage(testbed);
    await exchange(testbed, peer.serverAddress);
    await pause(SETTLE_MILLIS);
    const agents = await agentsOf(testbed);
    const measured = new Measurements();
    for (let round = 0; round < rounds; round++) {
      progress(`Round ${round + 1} of ${rounds}: doing nothing for ${seconds} s …`);
      const startedAt = performance.now();
      const before = agents.map(({ pid }) => processSeconds(pid));
      await pause(seconds * 1000);
      const elapsed = (performance.now() - startedAt) / 1000;
      agents.forEach(({ host, pid }, index) => {
        const cpuPercent = ((processSeconds(pid) - before[index]!) / elapsed) * 100;
        measured.record('selvage', `agent of ${host}`, { cpuPercent });
      });
    }
    const shares = agents.map(({ host }) => measured.median('selvage', `agent of ${host}`, 'cpuPercent')!);
    const ratios = { cpuPercent: Math.max(...shares) };
    const notes = [
      `All threads of an agent over ${seconds} s a round, after some requests between the tenants.`,
    ];
    return { rounds, peers: [peer], columns, measured, ratios, notes };
  });
}

async function exchange({ lab, client, server }: Testbed, host: string): Promise<void> {
  const redis = await startRedisOrStandIn(lab, server.name);
  const load = await startLoad(lab, client.name, {
    host,
    port: REDIS_PORT,
    connections: 1,
    request: 'get',
    intervalMillis: 0,
    requests: WARM_UP_REQUESTS,
    timeoutMillis: 1000,
    phase: 'warm-up',
  });
  await load.ended;
  await redis.stop();
}

async function agentsOf({ lab, client, server }: Testbed): Promise<{ host: string; pid: number }[]> {
  const { processes } = await lab.status();
  return [client.host, server.host].map((host) => {
    const agent = processes.find(({ kind, subject }) => kind === 'agent' && subject === host);
    if (agent?.alive) return { host, pid: agent.pid };
    throw new SelvageError('failed', `The agent of ${host} has ended.`);
  });
}
