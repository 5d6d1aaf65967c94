// What rerouting costs while nothing is wrong (ZooRoute §7.2, figure 20): bulk TCP and Redis over the kernel's own VXLAN, with
// every packet's port rewritten and without. Both hosts are one machine: what a process of `selvage reroute` takes of a
// processor counts twice. So the program in the kernel is measured for itself, with processes at rest, and then with them.

import { pause } from '../../lab/process.ts';
import { tool } from '../../lab/tools.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
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

const FULL = { rounds: 9, seconds: 2, requests: 60_000 };
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
    const rerouted: Peer = {
      ...kernel,
      name: 'selvage',
      title: 'rerouted',
      settings: 'the same with the programs of selvage reroute on both hosts, its processes at rest',
    };
    const awake: Peer = {
      ...kernel,
      name: 'selvageAwake',
      title: 'rerouted, probing',
      settings: 'the same with selvage reroute on both hosts',
    };
    const peers = [kernel, rerouted, awake];
    await startIperfServer(lab, server.name);
    await startRedis(lab, server.name);
    const measured = new Measurements();
    await inTurns(peers, rounds, progress, async (peer) => {
      const processes = peer === kernel ? undefined : await RerouteProcesses.start(testbed);
      try {
        if (peer === rerouted) processes?.rest();
        await load(testbed, peer, measured, { seconds, requests }, peer === awake ? processes : undefined);
      } finally {
        await processes?.stop();
      }
    });
    const ratios = {
      throughput: share(measured, 'selvage'),
      throughputWithProcesses: share(measured, 'selvageAwake'),
      cpuPercent: measured.median('selvageAwake', PROCESS, 'cpuPercent'),
      megabytes: measured.median('selvageAwake', PROCESS, 'megabytes'),
      probeKbitPerSecond: measured.median('selvageAwake', PROCESS, 'probeKbitPerSecond'),
    };
    return { rounds, peers, columns, measured, ratios, notes: notes(seconds, requests, lab.topology.mtu) };
  });
}

/** Of the kernel's own, in the case where it is least. */
function share(measured: Measurements, peer: Peer['name']): number {
  const cases = [
    ...IPERF.map(({ situation }) => [situation, 'gbitPerSecond'] as const),
    [REDIS, 'requestsPerSecond'] as const,
  ];
  const shares = cases.map(([situation, metric]) =>
    quotient(measured, peer, 'kernelVxlan', metric, situation),
  );
  return Math.min(...shares.map((each) => each!));
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
