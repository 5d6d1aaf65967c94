// Bursts of many packets (Backdraft §6.2, figure 12): how often senders are paused, what gets through and how long it takes, with
// short queues of a fixed size, long ones, and those that grow.
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import type { PeerName } from '../peers/peer.ts';
import type { QueueMode } from '../peers/queue-modes.ts';
import { bursts as measureBursts } from '../workloads/flow-queues/bursts.ts';

const BURSTS = [64, 128, 256, 512, 1024] as const;
const SHORT_FRAMES = 128;
const LONG_FRAMES = 8192;
const FULL = { virtualMillis: 5000 };
const QUICK = { virtualMillis: 500 };

const fixed = (name: PeerName, title: string, frames: number): QueueMode => ({
  name,
  title,
  settings: `one queue of ${frames.toLocaleString('en-US')} frames a vNIC; while it is full everybody is paused, as with PFC`,
  queues: { pauses: false, receive: { shared: true, frames, stopsAll: true } },
});

const MODES: readonly QueueMode[] = [
  fixed('shortQueues', 'short queues', SHORT_FRAMES),
  fixed('longQueues', 'long queues', LONG_FRAMES),
  { name: 'selvage', title: 'Selvage', settings: 'queues a flow, which grow; nothing tuned', queues: {} },
];

const columns: readonly Column[] = [
  { metric: 'pausesPerSecond', title: 'pauses/s' },
  { metric: 'packetsPerSecond', title: 'packets/s' },
  { metric: 'latencyMicros', title: 'latency µs' },
  { metric: 'p99Micros', title: 'p99 µs' },
  { metric: 'sparseP99Micros', title: 'p99 µs of a sparse flow' },
];

export async function bursts({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { virtualMillis } = quick ? QUICK : FULL;
  const measured = new Measurements();
  let drops = 0;
  for (const { name, title, queues } of MODES) {
    progress(`${title} …`);
    for (const packets of BURSTS) {
      const found = measureBursts(queues, packets, virtualMillis);
      drops += found.drops;
      measured.record(name, caseOf(packets), { ...found });
    }
  }
  const largest = caseOf(BURSTS.at(-1)!);
  const ratios = {
    pausesPerSecond: Math.max(
      ...BURSTS.map((packets) => measured.median('selvage', caseOf(packets), 'pausesPerSecond')!),
    ),
    goodputVsShort: quotient(measured, 'selvage', 'shortQueues', 'packetsPerSecond', largest),
    p99VsShort: quotient(measured, 'shortQueues', 'selvage', 'p99Micros', largest),
    sparseP99VsLong: quotient(measured, 'longQueues', 'selvage', 'sparseP99Micros', largest),
    drops,
  };
  const series = MODES.flatMap(({ name, title }) => [
    curve(measured, name, title, 'pauses', 'pausesPerSecond'),
    curve(measured, name, title, 'latency', 'latencyMicros'),
    curve(measured, name, title, 'sparse', 'sparseP99Micros'),
  ]);
  return { rounds: 1, peers: MODES, columns, measured, ratios, notes: notes(virtualMillis), series };
}

function curve(measured: Measurements, peer: PeerName, name: string, chart: string, metric: string) {
  const points = BURSTS.map((packets) => [packets, measured.median(peer, caseOf(packets), metric)!] as const);
  return { chart, name, points };
}

function caseOf(packets: number): string {
  return `bursts of ${packets.toLocaleString('en-US')}`;
}

function notes(virtualMillis: number): string[] {
  return [
    `The real switch between two vNICs in memory, in virtual time (${virtualMillis / 1000} s a case), so the figures do not depend on the ` +
      'machine. 16 flows send bursts at random times, 0.8 of what the receiver can take: 1,024 packets each millisecond, at once, from its ' +
      'queues in turn. A sparse flow sends single packets. Latency is from a packet’s burst to when the receiver takes it.',
  ];
}
