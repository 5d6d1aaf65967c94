// A slow receiver and who pays for it (Backdraft §6.2, figures 9, 10 and A.2): on one host, 50 flows of datagrams go from one
// native endpoint to another, whose owner needs as long for each as the switch for 1, 4 or 20, while Redis serves its
// clients by the same switch. Parts of Backdraft are switched on one after the other.
import { SELVAGE_VNI } from '../../lab/addressing.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import { figure } from '../harness/text-table.ts';
import { BACKDRAFT, QUEUE_MODES } from '../peers/queue-modes.ts';
import { withTestbed } from '../testbed.ts';
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
} from '../workloads/datagram-flows/one-host.ts';

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
  requests: 20_000,
  warmUpMillis: 2000,
  calibrationMillis: 3000,
};
const QUICK = {
  rounds: 1,
  speeds: [TWENTIETH],
  requests: 10_000,
  warmUpMillis: 1500,
  calibrationMillis: 1500,
};

const columns: readonly Column[] = [
  { metric: 'dropsPerSecond', title: 'drops/s' },
  { metric: 'victimP50Millis', title: 'Redis p50 ms' },
  { metric: 'victimP99Millis', title: 'Redis p99 ms' },
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'datagramsPerSecond', title: 'datagrams/s' },
  { metric: 'goodputPerSecond', title: 'goodput/s' },
];

export function slowReceiver({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, speeds, requests, warmUpMillis, calibrationMillis } = quick ? QUICK : FULL;
  return withTestbed(
    progress,
    async (testbed) => {
      const { peers: socketPeers, missing } = await attachSocketPeers(testbed, progress);
      await startVictim(testbed);
      progress('How fast is the switch? …');
      const switchRate = await measureSwitchRate(testbed, warmUpMillis, calibrationMillis);
      const measured = new Measurements();
      const peers: readonly Competitor[] = [...QUEUE_MODES, ...socketPeers];
      await inTurns(peers, rounds, progress, async (peer) => {
        const setting = await settingOf(testbed, peer);
        for (const { situation, slowness } of speeds) {
          const microsPerPacket = (slowness * 1e6) / switchRate;
          measured.record(
            peer.name,
            situation,
            await setting.measure(microsPerPacket, requests, warmUpMillis),
          );
        }
        await setting.remove();
      });
      const slowest = speeds.at(-1)!.situation;
      const ratios = {
        victimP99VsBp: quotient(measured, 'backpressure', 'selvage', 'victimP99Millis', slowest),
        victimP99VsLossy: quotient(measured, 'lossy', 'selvage', 'victimP99Millis', slowest),
        goodputVsLossy: quotient(measured, 'selvage', 'lossy', 'goodputPerSecond', slowest),
        requestsVsLossy: quotient(measured, 'selvage', 'lossy', 'requestsPerSecond', slowest),
        victimP99VsKernelBridge: quotient(measured, 'kernelBridge', 'selvage', 'victimP99Millis', slowest),
        dropsPerSecond: Math.max(
          ...speeds.map((each) => measured.median('selvage', each.situation, 'dropsPerSecond')!),
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
    'lossy is BESS as the paper describes it (§2): a frame goes into the queue of the endpoint that it is for, or is dropped when that ' +
      'is full; so others lose the time that the switch spends on what it drops. back-pressure is one queue for all, in whose ' +
      'order everybody waits, as the head of line blocking of §6.2 has it.',
    `Redis: redis-benchmark GET with ${CLIENTS} clients, tenants on the same host by TAPs of VNI ${SELVAGE_VNI}. Goodput: datagrams that were ` +
      'worked on and requests answered a second, together.',
    'Doorbells are how native endpoints’ memory works, and are part of all rows; the benchmark `queues` has them apart.',
    `${BACKDRAFT.title} is the default configuration. Agents are restarted between modes.`,
  ];
}
