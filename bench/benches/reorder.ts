// One long flow over paths of different delays, sprayed ever finer, with packets put in order by Selvage or left to the
// tenant's TCP, with RACK and without (BIFROST §6.1.2, figures 17 and 18; §7.3, figure 23).
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { rotated } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { attachSelvage, restartSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { machineBusySeconds } from '../workloads/cpu-time.ts';
import { runIperf, startIperfServer } from '../workloads/iperf.ts';
import { skewPaths } from '../workloads/skewed-paths.ts';

/** A window that does not change: what is compared is order alone. */
const COMMON = { window: 4096, congestion: 'constant' } as const;
const LINK_BITS_PER_SECOND = 200e6;
const QUEUE_PACKETS = 1024;

/** More than are sent in a run: a flow stays on its path. */
const ONE_PATH_PACKETS = 1_000_000;

export const GRANULARITIES: readonly (readonly [name: string, sprayPackets: number])[] = [
  ['flow', ONE_PATH_PACKETS],
  ['2,000 packets', 2000],
  ['50 packets', 50],
  ['1 packet', 1],
];

const FULL = { rounds: 3, seconds: 5, granularities: GRANULARITIES, racks: [true, false] };
const QUICK = { rounds: 1, seconds: 2, granularities: [GRANULARITIES[0]!, GRANULARITIES[3]!], racks: [true] };

const columns: readonly Column[] = [
  { metric: 'mbitPerSecond', title: 'Mbit/s' },
  { metric: 'retransmissions', title: 'TCP retransmissions' },
  { metric: 'receiverSecondsPerGB', title: 'receiver CPU s/GB' },
  { metric: 'machineSecondsPerGB', title: 'machine CPU s/GB' },
];

export function reorder({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds, granularities, racks } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, server } = testbed;
    const skew = await skewPaths(testbed, LINK_BITS_PER_SECOND, QUEUE_PACKETS);
    await startIperfServer(lab, server.name);
    let peer = await attachSelvage(testbed, COMMON);
    const measured = new Measurements();
    const settings = granularities.flatMap(([name, sprayPackets]) =>
      [true, false].map((reorder) => ({ name, sprayPackets, reorder })),
    );
    for (let round = 0; round < rounds; round++) {
      for (const { name, sprayPackets, reorder } of rotated(settings, round)) {
        progress(`Round ${round + 1} of ${rounds}: ${name}, reordering ${onOff(reorder)} …`);
        peer = await restartSelvage(testbed, { ...COMMON, sprayPackets, reorder });
        await measureFlow(testbed, peer.serverAddress, 1);
        for (const rack of racks) {
          await setRack(testbed, rack);
          const values = await measureFlow(testbed, peer.serverAddress, seconds);
          measured.record('selvage', reorderCase(name, reorder, rack), values);
        }
      }
    }
    const notes = [
      `iperf3, one flow of ${seconds} s after one of a second that is not counted.`,
      skew,
      'Congestion control is a constant window, so that order alone makes the difference.',
      'RACK off: tcp_recovery 0 in both tenants. The receiver’s CPU is its program’s own, user and system, as iperf3 says; ' +
        'what its TCP does in the agent’s turn is in the machine’s, with everything else.',
    ];
    const names = granularities.map(([name]) => name);
    return { rounds, peers: [peer], columns, measured, ratios: ratiosOf(measured, names, racks), notes };
  });
}

export function reorderCase(granularity: string, reorder: boolean, rack: boolean): string {
  return `${granularity}, reordering ${onOff(reorder)}, RACK ${onOff(rack)}`;
}

function onOff(on: boolean): string {
  return on ? 'on' : 'off';
}

/** With reordering ÷ without (throughput), without ÷ with (what shall be small): the worst over all cases. */
function ratiosOf(measured: Measurements, names: readonly string[], racks: readonly boolean[]) {
  const worst = (of: (on: (metric: string) => number, off: (metric: string) => number) => number) =>
    Math.min(
      ...names.flatMap((name) =>
        racks.map((rack) => {
          const value = (reorder: boolean) => (metric: string) =>
            measured.median('selvage', reorderCase(name, reorder, rack), metric)!;
          return of(value(true), value(false));
        }),
      ),
    );
  return {
    throughput: worst((on, off) => on('mbitPerSecond') / off('mbitPerSecond')),
    retransmissions: worst((on, off) => (off('retransmissions') + 1) / (on('retransmissions') + 1)),
    guestCpu: worst((on, off) => off('receiverSecondsPerGB') / on('receiverSecondsPerGB')),
  };
}

async function measureFlow({ lab, client }: Testbed, host: string, seconds: number) {
  const busyBefore = machineBusySeconds();
  const run = await runIperf(lab, client.name, { host, flows: 1, seconds });
  const gigabytes = run.bytes / 1e9;
  return {
    mbitPerSecond: run.bitsPerSecond / 1e6,
    retransmissions: run.retransmissions,
    receiverSecondsPerGB: (run.receiverCpu * seconds) / gigabytes,
    machineSecondsPerGB: (machineBusySeconds() - busyBefore) / gigabytes,
  };
}

/** The kernel's own default is 1: RACK is on. */
async function setRack({ lab, client, server }: Testbed, on: boolean): Promise<void> {
  for (const { name } of [client, server]) {
    await lab.run(name, ['/bin/sh', '-c', `echo ${on ? 1 : 0} > /proc/sys/net/ipv4/tcp_recovery`]);
  }
}
