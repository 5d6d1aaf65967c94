// What it costs that algorithms are outside of the kernel (CCP §4.3.2 and §4.6.2, table 4.1, figures 4.7 and 4.8):
// processor time at a fixed rate with ever more flows, throughput of a loopback interface that nothing limits, and the
// time from a report to its effect.
import { Lab } from '../../lab/lab.ts';
import { topologyOf } from '../../lab/topology.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { ascending, percentileOf } from '../harness/percentiles.ts';
import { quotient, type Ratios } from '../harness/ratios.ts';
import { LINUX_TCP, type MeasuredAlgorithm, STEERED_TCP, withSteeredTcp } from '../peers/linux-tcp.ts';
import type { Contender, PeerName } from '../peers/peer.ts';
import type { Progress } from '../testbed.ts';
import { machineBusySeconds } from '../workloads/cpu-time.ts';
import { runIperf, startIperfServer } from '../workloads/iperf.ts';

const LEAF = 'leaf1';
const LINK_BITS_PER_SECOND = 1e9;
/** A bundle of 64 KB goes out whole, as to a card that cuts it. */
const BURST_BYTES = 128_000;
const QUEUE_BYTES = 1_500_000;
const LOOPBACK = '127.0.0.1';
const [SENDER, RECEIVER] = ['host1', 'host2'];
/** What is compiled while it runs is compiled then. */
const WARM_UP_SECONDS = 2;

const FULL = {
  rounds: 5,
  seconds: 4,
  flows: [1, 4, 16, 64],
  loopbackFlows: [1, 64],
  algorithms: ['reno', 'cubic'],
};
const QUICK = { rounds: 3, seconds: 2, flows: [1, 64], loopbackFlows: [1], algorithms: ['reno'] };
type Algorithm = 'reno' | 'cubic';

interface Reporting extends Contender {
  readonly file: MeasuredAlgorithm | undefined;
}

/** On the loopback interface. */
const REPORTING: readonly Reporting[] = [
  { ...LINUX_TCP, file: undefined },
  { ...STEERED_TCP, file: 'reno-each-round' },
  {
    name: 'selvagePer10Millis',
    title: 'Selvage, per 10 ms',
    settings: 'our Reno with a report every 10 ms',
    file: 'reno-10ms',
  },
  {
    name: 'selvagePerAck',
    title: 'Selvage, per ACK',
    settings: 'our Reno with a report for every acknowledgement, of which there is one for many packets',
    file: 'reno-each-ack',
  },
];

const columns: readonly Column[] = [
  { metric: 'cpuSecondsPerGB', title: 'CPU s/GB' },
  { metric: 'gbitPerSecond', title: 'Gbit/s' },
  { metric: 'p50Micros', title: 'p50 µs' },
  { metric: 'p95Micros', title: 'p95 µs' },
];

export const CPU_FLOWS = FULL.flows;
export const LOOPBACK_FLOWS = FULL.loopbackFlows;
const ACTION_CASE = 'report to effect';
const HEARD_CASE = 'report to algorithm';

export async function ccpOverhead({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const plan = quick ? QUICK : FULL;
  const measured = new Measurements();
  const lab = await Lab.up({ topology: twoHosts(), progress });
  try {
    await beginUnderReno(lab);
    await startIperfServer(lab, RECEIVER!);
    await startIperfServer(lab, SENDER!);
    const files = ['reno', 'cubic', 'reno-each-round', 'reno-10ms', 'reno-each-ack', 'echo'] as const;
    return await withSteeredTcp(files, async (steered) => {
      const nameOf = (file: MeasuredAlgorithm) => steered.get(file)!.name;
      await measureLoopback(lab, plan, nameOf, measured, progress);
      await limitLink(lab);
      await measureProcessors(lab, plan, nameOf, measured, progress);
      await measureEcho(lab, nameOf('echo'), plan.seconds);
      recordTimes(steered.get('echo')!.lines(), measured);
      const lost = [...steered.values()].flatMap((each) => each.complaints());
      const notes = [...notesOf(plan), ...lost.map((line) => `Said meanwhile: ${line}`)];
      const { rounds, algorithms } = plan;
      return { rounds, peers: REPORTING, columns, measured, ratios: ratiosOf(measured, algorithms), notes };
    });
  } finally {
    await lab.down();
  }
}

type Plan = typeof FULL;
type NameOf = (file: MeasuredAlgorithm) => string;

function twoHosts() {
  const racks = [{ name: 'rack1', leaf: LEAF, hosts: [SENDER!, RECEIVER!] }];
  return topologyOf({ mtu: 1500, racks, spines: ['spine1'], tenants: [] });
}

/** iperf3 chooses later, and what the system's own control leaves on a socket stays, as BBR's pacing does. */
async function beginUnderReno(lab: Lab): Promise<void> {
  await lab.run(SENDER!, ['sh', '-c', 'echo reno > /proc/sys/net/ipv4/tcp_congestion_control']);
}

/**
 * Towards the receiver, where losses are real: the kernel's own controls take a full queue of their host for congestion
 * without one. The lab's own limits are for faults, and cut bundles, whose packets would take more time than all else.
 */
async function limitLink(lab: Lab): Promise<void> {
  const bucket = `tbf rate ${LINK_BITS_PER_SECOND}bit burst ${BURST_BYTES} limit ${QUEUE_BYTES}`;
  await lab.run(LEAF, ['tc', 'qdisc', 'replace', 'dev', RECEIVER!, 'root', ...bucket.split(' ')]);
}

export function loopbackCase(flows: number): string {
  return `loopback, ${flowsText(flows)}`;
}

export function cpuCase(algorithm: string, flows: number): string {
  return `${algorithm}, 1 Gbit/s, ${flowsText(flows)}`;
}

function flowsText(flows: number): string {
  return flows === 1 ? '1 flow' : `${flows} flows`;
}

async function measureLoopback(
  lab: Lab,
  { rounds, seconds, loopbackFlows }: Plan,
  nameOf: NameOf,
  measured: Measurements,
  progress: Progress,
): Promise<void> {
  const run = (flows: number, duration: number, { file }: Reporting) => {
    const congestion = file === undefined ? 'reno' : nameOf(file);
    return runIperf(lab, SENDER!, { host: LOOPBACK, flows, seconds: duration, congestion });
  };
  for (const peer of REPORTING) await run(1, WARM_UP_SECONDS, peer);
  await inTurns(REPORTING, rounds, progress, async (peer) => {
    for (const flows of loopbackFlows) {
      const { bitsPerSecond } = await run(flows, seconds, peer);
      measured.record(peer.name, loopbackCase(flows), { gbitPerSecond: bitsPerSecond / 1e9 });
    }
  });
}

async function measureProcessors(
  lab: Lab,
  { rounds, seconds, flows: counts, algorithms }: Plan,
  nameOf: NameOf,
  measured: Measurements,
  progress: Progress,
): Promise<void> {
  const host = lab.node(RECEIVER!).address!;
  const peers = [LINUX_TCP, STEERED_TCP];
  const named = (peer: Contender, algorithm: Algorithm) =>
    peer.name === 'selvage' ? nameOf(algorithm) : algorithm;
  for (const peer of peers) {
    for (const algorithm of algorithms as Algorithm[]) {
      const load = { host, flows: Math.max(...counts), seconds: WARM_UP_SECONDS };
      await runIperf(lab, SENDER!, { ...load, congestion: named(peer, algorithm) });
    }
  }
  await inTurns(peers, rounds, progress, async (peer) => {
    for (const algorithm of algorithms as Algorithm[]) {
      const congestion = named(peer, algorithm);
      for (const flows of counts) {
        const before = machineBusySeconds();
        const { bytes, bitsPerSecond } = await runIperf(lab, SENDER!, { host, flows, seconds, congestion });
        const cpuSecondsPerGB = (machineBusySeconds() - before) / (bytes / 1e9);
        const values = { cpuSecondsPerGB, gbitPerSecond: bitsPerSecond / 1e9 };
        measured.record(peer.name, cpuCase(algorithm, flows), values);
      }
    }
  });
}

/** One flow on the loopback interface, whose acknowledgements come at once. */
async function measureEcho(lab: Lab, congestion: string, seconds: number): Promise<void> {
  await runIperf(lab, SENDER!, { host: LOOPBACK, flows: 1, seconds, congestion });
}

function recordTimes(lines: readonly string[], measured: Measurements): void {
  const times = lines.flatMap((line): { toAlgorithm: number; toAction: number }[] => JSON.parse(line));
  if (times.length === 0) throw new SelvageError('failed', 'No report was answered.');
  for (const [situation, key] of [
    [HEARD_CASE, 'toAlgorithm'],
    [ACTION_CASE, 'toAction'],
  ] as const) {
    const sorted = ascending(times.map((time) => time[key]));
    const values = { p50Micros: percentileOf(sorted, 0.5), p95Micros: percentileOf(sorted, 0.95) };
    measured.record('selvage', situation, values);
  }
}

/** Of processor time that of the algorithm with the larger one. */
function ratiosOf(measured: Measurements, algorithms: readonly string[]): Ratios {
  const cpu = (flows: number) =>
    Math.max(
      ...algorithms.map((algorithm) => {
        const situation = cpuCase(algorithm, flows);
        return quotient(measured, 'selvage', 'linuxTcp', 'cpuSecondsPerGB', situation)!;
      }),
    );
  const loopback = (peer: PeerName, flows: number) =>
    quotient(measured, peer, 'linuxTcp', 'gbitPerSecond', loopbackCase(flows));
  return {
    cpu1Flow: cpu(1),
    cpu64Flows: cpu(64),
    throughputPerRound: loopback('selvage', 1),
    throughput10ms: loopback('selvagePer10Millis', 1),
    throughputPerAck: loopback('selvagePerAck', 1),
    throughput64Flows: loopback('selvagePer10Millis', 64),
    reportToEffectP95Micros: measured.median('selvage', ACTION_CASE, 'p95Micros'),
  };
}

function notesOf({ seconds }: Plan): string[] {
  return [
    `iperf3 for ${seconds} s between two network namespaces behind ${LINK_BITS_PER_SECOND / 1e9} Gbit/s and a queue of ` +
      `${QUEUE_BYTES / 1e6} MB; bundles cross it whole, as between cards with offloads. All that the machine’s processors ` +
      'did is counted: iperf3, kernel and algorithm, and whatever else runs, so nothing else should.',
    `Before, each ran for ${WARM_UP_SECONDS} s with as many flows as there are at most, not counted.`,
    'Ratios are of medians over the rounds; that of processor time is that of the algorithm with the larger one.',
    `Loopback: iperf3 for ${seconds} s within one namespace, Reno, whose slow start is in the algorithm, since nothing is lost ` +
      'and it never ends: there are reports all the time. One for every acknowledgement takes ' +
      '`--interval 0us`; otherwise a connection reports once a millisecond at most.',
    'From a report until an acknowledgement sees what the algorithm answered: one flow on the loopback interface, a report ' +
      'every 2 ms.',
  ];
}
