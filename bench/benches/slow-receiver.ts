// A slow receiver and who pays for it (Backdraft §6.2, figures 9, 10 and A.2): on one host, 50 flows of datagrams go from one
// native endpoint to another, whose owner needs as long for each as the switch for 1, 4 or 20, while Redis serves its
// clients by the same switch. Parts of Backdraft are switched on one after the other.
import { SELVAGE_VNI } from '../../lab/addressing.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import { figure } from '../harness/text-table.ts';
import { BACKDRAFT, LOSSY, LOSSY_PER_VNIC, QUEUE_MODES } from '../peers/queue-modes.ts';
import { withTestbed } from '../testbed.ts';
import { IP_UDP_BYTES } from '../workloads/datagram-flows/cases.ts';
import {
  attachSocketPeers,
  CLIENTS,
  type Competitor,
  FLOWS,
  measureSwitchRate,
  oneHostTopology,
  PACKET_BYTES,
  settingOf,
  startVictim,
  VALUE_BYTES,
} from '../workloads/datagram-flows/one-host.ts';

/** A.2. */
const FAST_FLOWS = 'beside fast flows';

interface Speed {
  readonly situation: string;
  /** Packets that the switch forwards in the time that the receiver works on one. */
  readonly slowness: number;
}

const FAST: Speed = { situation: 'as fast as the switch', slowness: 0 };
const QUARTER: Speed = { situation: '1/4 as fast', slowness: 4 };
const TWENTIETH: Speed = { situation: '1/20 as fast', slowness: 20 };

const FULL = {
  rounds: 3,
  speeds: [FAST, QUARTER, TWENTIETH],
  victimMillis: 4000,
  warmUpMillis: 2000,
  calibrationMillis: 3000,
};
const QUICK = {
  rounds: 1,
  speeds: [TWENTIETH],
  victimMillis: 2000,
  warmUpMillis: 1500,
  calibrationMillis: 1500,
};

const columns: readonly Column[] = [
  { metric: 'dropsPerSecond', title: 'drops/s' },
  { metric: 'victimP50Millis', title: 'Redis p50 ms' },
  { metric: 'victimP99Millis', title: 'Redis p99 ms' },
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'datagramsPerSecond', title: 'datagrams/s' },
  { metric: 'goodputMegabits', title: 'goodput Mbit/s' },
  { metric: 'fastPerSecond', title: 'fast flows, datagrams/s' },
];

export function slowReceiver({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, speeds, calibrationMillis, ...times } = quick ? QUICK : FULL;
  return withTestbed(
    progress,
    async (testbed) => {
      const { peers: socketPeers, missing } = await attachSocketPeers(testbed, progress);
      await startVictim(testbed);
      progress('How fast is the switch? …');
      const switchRate = await measureSwitchRate(testbed, times.warmUpMillis, calibrationMillis);
      const measured = new Measurements();
      const peers: readonly Competitor[] = [...QUEUE_MODES, ...socketPeers];
      await inTurns(peers, rounds, progress, async (peer) => {
        const setting = await settingOf(testbed, peer);
        for (const { situation, slowness } of speeds) {
          const microsPerPacket = (slowness * 1e6) / switchRate;
          measured.record(peer.name, situation, await setting.measure(microsPerPacket, times));
        }
        const fast = await setting.measureFastFlows?.((speeds.at(-1)!.slowness * 1e6) / switchRate, times);
        if (fast !== undefined) measured.record(peer.name, FAST_FLOWS, fast);
        await setting.remove();
      });
      const slowest = speeds.at(-1)!.situation;
      const ratios = {
        victimP99VsBp: quotient(measured, 'backpressure', 'selvage', 'victimP99Millis', slowest),
        victimP99VsLossy: quotient(measured, 'lossy', 'selvage', 'victimP99Millis', slowest),
        victimP50VsLossy: quotient(measured, 'lossy', 'selvage', 'victimP50Millis', slowest),
        victimP99VsLossyPerVnic: quotient(measured, 'lossyPerVnic', 'selvage', 'victimP99Millis', slowest),
        goodputVsLossy: quotient(measured, 'selvage', 'lossy', 'goodputMegabits', slowest),
        goodputVsLossyPerVnic: quotient(measured, 'selvage', 'lossyPerVnic', 'goodputMegabits', slowest),
        fastFlowsVsLossy: quotient(measured, 'selvage', 'lossy', 'fastPerSecond', FAST_FLOWS),
        fastFlowsVsLossyPerVnic: quotient(measured, 'selvage', 'lossyPerVnic', 'fastPerSecond', FAST_FLOWS),
        requestsVsLossy: quotient(measured, 'selvage', 'lossy', 'requestsPerSecond', slowest),
        victimP99VsKernelVxlan: quotient(measured, 'kernelVxlan', 'selvage', 'victimP99Millis', slowest),
        victimP99VsOpenVswitch: quotient(measured, 'ovsUserspace', 'selvage', 'victimP99Millis', slowest),
        dropsPerSecond: Math.max(
          ...measured
            .situations('selvage')
            .map((each) => measured.median('selvage', each, 'dropsPerSecond')!),
        ),
      };
      return { rounds, peers, columns, measured, ratios, notes: [...notes(switchRate), ...missing] };
    },
    oneHostTopology(),
  );
}

function notes(switchRate: number): string[] {
  return [
    `${FLOWS} flows of ${PACKET_BYTES}-byte packets, as fast as their sender can; the switch forwards ` +
      `${figure(switchRate)} of them a second when nobody else is there and the receiver only counts, and how slow the receiver is ` +
      'is told in that. It waits that long, instead of spending it on a processor as the one in the paper, which had a core of its own.',
    `${LOSSY.title} is as the pipelines that the paper’s authors have published: tasks of equal turns put what senders send ` +
      'into one queue in front of the switch and take it out, so a sender that is faster than the switch keeps it full, and ' +
      `everybody’s frames wait behind its own or are dropped as they are. ${LOSSY_PER_VNIC.title} is as the paper’s §2 has it: ` +
      'others lose only the time that the switch spends on what it drops. Back-pressure is one queue in whose order everybody ' +
      'waits, as the head of line blocking of §6.2 has it.',
    'Where frames of Redis are dropped, its 99th percentile is the kernel’s timer of 200 ms; what waiting alone costs, its median shows.',
    `Redis: redis-benchmark GET of ${VALUE_BYTES} bytes with ${CLIENTS} clients, tenants on the same host by TAPs of VNI ${SELVAGE_VNI}. Goodput: ` +
      `the ${PACKET_BYTES - IP_UDP_BYTES} bytes of each datagram that was worked on and the values of requests answered.`,
    'Fast flows: as many of the same packets between two other endpoints, to a receiver that only counts, as A.2 has them, beside those to a receiver that is 1/20 as fast.',
    'Doorbells of data are off in the row without them; in all others, as with a single queue, the switch looks at one place to know what to read.',
    `${BACKDRAFT.title} is the default configuration. Agents are restarted between modes.`,
  ];
}
