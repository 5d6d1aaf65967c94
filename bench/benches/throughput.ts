// Bulk TCP from tenant to tenant: how much of the kernel's own overlay is left, and how much more it is than another
// switch in user space moves. Processor time is the whole machine's, client and server included.

import { attachPeers } from '../harness/attach.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { worstRate } from '../harness/ratios.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import { attachOpenVswitch } from '../peers/open-vswitch.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { machineBusySeconds } from '../workloads/cpu-time.ts';
import { runIperf, startIperfServer } from '../workloads/iperf.ts';

/** The largest there is: bulk transfers fill any window. */
const WINDOW_PACKETS = 4096;

const CASES = [
  { situation: '1 flow', flows: 1 },
  { situation: '4 flows', flows: 4 },
] as const;

const FULL = { rounds: 5, seconds: 5 };
const QUICK = { rounds: 1, seconds: 3 };

const columns: readonly Column[] = [
  { metric: 'gbitPerSecond', title: 'Gbit/s' },
  { metric: 'cpuSecondsPerGB', title: 'CPU s/GB' },
  { metric: 'retransmissions', title: 'TCP retransmissions' },
];

export function throughput({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, client, server } = testbed;
    const { peers, missing } = await attachPeers(attaching(testbed), progress);
    await startIperfServer(lab, server.name);
    const measured = new Measurements();
    await inTurns(peers, rounds, progress, async (peer) => {
      // A second that is not counted: slow start, and for Selvage the compiler.
      await runIperf(lab, client.name, { host: peer.serverAddress, flows: 4, seconds: 1 });
      for (const { situation, flows } of CASES) {
        const busyBefore = machineBusySeconds();
        const run = await runIperf(lab, client.name, { host: peer.serverAddress, flows, seconds });
        measured.record(peer.name, situation, {
          gbitPerSecond: run.bitsPerSecond / 1e9,
          cpuSecondsPerGB: (machineBusySeconds() - busyBefore) / (run.bytes / 1e9),
          retransmissions: run.retransmissions,
        });
      }
    });
    const against = (peer: 'kernelVxlan' | 'ovsUserspace' | 'ovsAfXdp') =>
      worstRate(
        measured,
        peer,
        'gbitPerSecond',
        CASES.map(({ situation }) => situation),
      );
    const ratios = {
      vsKernelVxlan: against('kernelVxlan'),
      vsOvsUserspace: against('ovsUserspace'),
      vsOvsAfXdp: against('ovsAfXdp'),
    };
    const notes = [
      `iperf3, ${seconds} s a run after one that is not counted; underlay MTU ${lab.topology.mtu}. CPU is the whole machine’s busy time.`,
      ...missing,
    ];
    return { rounds, peers, columns, measured, ratios, notes };
  });
}

function attaching(testbed: Testbed) {
  return [
    ['kernel VXLAN', () => attachKernelVxlan(testbed)],
    ['Selvage', () => attachSelvage(testbed, { window: WINDOW_PACKETS })],
    ['Open vSwitch', () => attachOpenVswitch(testbed, 'system')],
    ['Open vSwitch with AF_XDP', () => attachOpenVswitch(testbed, 'afxdp')],
  ] as const;
}
