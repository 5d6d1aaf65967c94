// What rerouting costs while nothing is wrong (ZooRoute §7.2, figure 20): bulk TCP and Redis over the kernel's own VXLAN, with
// `selvage reroute` on both hosts, every packet's port rewritten, and without.

import { pause } from '../../lab/process.ts';
import { tool } from '../../lab/tools.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { worstRate } from '../harness/ratios.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import type { Peer } from '../peers/peer.ts';
import { RerouteProcesses } from '../peers/reroute.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { runIperf, startIperfServer } from '../workloads/iperf.ts';
import { requireFigures, runRedisBenchmark } from '../workloads/redis-benchmark.ts';
import { startRedis } from '../workloads/redis-server.ts';

const IPERF = [
  { situation: 'iperf3, 1 flow', flows: 1 },
  { situation: 'iperf3, 4 flows', flows: 4 },
] as const;
const REDIS = 'redis, 50 clients';
/** Of each host's process. */
const PROCESS = 'the processes';

const FULL = { rounds: 11, seconds: 2, requests: 100_000 };
const QUICK = { rounds: 3, seconds: 2, requests: 40_000 };
const RUN_TIMEOUT_MILLIS = 60_000;
/** Without tenants’ packets, but before peers are no longer probed. */
const QUIET_MILLIS = 2000;

const columns: readonly Column[] = [
  { metric: 'gbitPerSecond', title: 'Gbit/s' },
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'p99Millis', title: 'p99 ms' },
  { metric: 'cpuPercent', title: '% of a core' },
  { metric: 'megabytes', title: 'MB' },
  { metric: 'probeKbitPerSecond', title: 'kbit/s of probes' },
];

export function rerouteOverhead({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds, requests } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, server } = testbed;
    const kernel = await attachKernelVxlan(testbed);
    const reroute: Peer = {
      ...kernel,
      name: 'selvage',
      title: 'kernel VXLAN, rerouted',
      settings: 'the same, with selvage reroute on both hosts',
    };
    const peers = [kernel, reroute];
    await startIperfServer(lab, server.name);
    await startRedis(lab, server.name);
    const measured = new Measurements();
    await inTurns(peers, rounds, progress, async (peer) => {
      const processes = peer === reroute ? await RerouteProcesses.start(testbed) : undefined;
      try {
        await load(testbed, peer, measured, { seconds, requests }, processes);
      } finally {
        await processes?.stop();
      }
    });
    const cases = IPERF.map(({ situation }) => situation);
    const throughputs = [
      worstRate(measured, 'kernelVxlan', 'gbitPerSecond', cases),
      worstRate(measured, 'kernelVxlan', 'requestsPerSecond', [REDIS]),
    ];
    const ratios = {
      throughput: Math.min(...throughputs.map((each) => each!)),
      cpuPercent: measured.median('selvage', PROCESS, 'cpuPercent'),
    };
    return { rounds, peers, columns, measured, ratios, notes: notes(seconds, requests, lab.topology.mtu) };
  });
}

async function load(
  testbed: Testbed,
  peer: Peer,
  measured: Measurements,
  { seconds, requests }: { seconds: number; requests: number },
  processes: RerouteProcesses | undefined,
): Promise<void> {
  const { lab, client } = testbed;
  const host = peer.serverAddress;
  // Not counted: slow start, and in its turn the first look at the other host’s ports.
  await runIperf(lab, client.name, { host, flows: 4, seconds: 1 });
  const began = performance.now();
  const cpuBefore = processes?.cpuSeconds();
  for (const { situation, flows } of IPERF) {
    const run = await runIperf(lab, client.name, { host, flows, seconds });
    measured.record(peer.name, situation, { gbitPerSecond: run.bitsPerSecond / 1e9 });
  }
  const options = { host, test: 'get', clients: 50, requests, timeoutMillis: RUN_TIMEOUT_MILLIS } as const;
  const redis = requireFigures(await runRedisBenchmark(lab, client.name, options), options);
  const { requestsPerSecond, p99Millis } = redis;
  measured.record(peer.name, REDIS, { requestsPerSecond, p99Millis });
  if (processes === undefined) return;
  const elapsed = (performance.now() - began) / 1000;
  const cpu = processes.cpuSeconds().map((after, i) => ((after - cpuBefore![i]!) / elapsed) * 100);
  measured.record(peer.name, PROCESS, {
    cpuPercent: Math.max(...cpu),
    megabytes: Math.max(...processes.residentMegabytes()),
    probeKbitPerSecond: await quietKbitPerSecond(testbed),
  });
}

/** What the client's host sends while its tenants say nothing: its probes, and its answers to the other's. */
async function quietKbitPerSecond({ lab, client, clientLeaf }: Testbed): Promise<number> {
  const sent = async () => {
    const text = await tool('ip', lab.node(client.host).netns, [
      '-s',
      '-j',
      'link',
      'show',
      'dev',
      clientLeaf,
    ]);
    const [link] = JSON.parse(text) as { stats64?: { tx: { bytes: number } } }[];
    if (link?.stats64 === undefined) throw new SelvageError('failed', 'ip shows no counters of a device.');
    return link.stats64.tx.bytes;
  };
  const before = await sent();
  const began = performance.now();
  await pause(QUIET_MILLIS);
  return (((await sent()) - before) * 8) / (performance.now() - began);
}

function notes(seconds: number, requests: number, mtu: number): string[] {
  return [
    `iperf3, ${seconds} s a run, and redis-benchmark GET, ${requests.toLocaleString('en-US')} requests, after a second that is ` +
      `not counted; underlay MTU ${mtu}. All processors are shared by hosts, tenants and processes.`,
    `The processes: the busier of the two while all that runs; probes are what a host sent in ${QUIET_MILLIS / 1000} s of silence, ` +
      'answers to the other host’s among them. They end with the turn, and devices are as they were.',
  ];
}
