// Many flows, each with a queue of its own (Backdraft §6.2, §6.5, figures 11 and 16): does the switch stay as fast, do flows ever
// share a queue, and how much memory do the queues take, beside queues that are dealt out by a hash. And what a frame costs in
// the switches of both hosts, going straight on and waiting.
import { hashFlowKey } from '../../src/wire/flow-key.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { rotated } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import type { Contender, PeerName } from '../peers/peer.ts';
import { measureDoorbells } from '../workloads/doorbells/measure.ts';
import { activeFlows, RING_BYTES, turnover } from '../workloads/flow-queues/active-flows.ts';
import type { Mixture } from '../workloads/flow-queues/mixtures.ts';
import { switchPath } from '../workloads/switch-path/switch-path.ts';

export const FLOWS = [16, 64, 256, 1024, 2048, 4096, 16_384] as const;
export const MIXTURES: readonly Mixture[] = ['uniform', 'Zipf'];
const FULL = { rounds: 5, flows: FLOWS, warmUpMillis: 1000, millis: 2000, epochs: 50, bellRounds: 50_000 };
const QUICK = {
  rounds: 2,
  flows: [16, 1024, 16_384],
  warmUpMillis: 500,
  millis: 700,
  epochs: 10,
  bellRounds: 10_000,
};

const WARM_UP_FLOWS = 1024;

/** Figure 11: so many of all flows are active at a time. */
const ALL_FLOWS = 60_000;
const ACTIVE_FLOWS = 1000;
const FRAMES_OF_EACH = 32;
const STATIC_QUEUES = [2500, 10_000] as const;

/** Figure 16: of so many queues that are open few have packets at a time. */
export const OPEN_QUEUES = [16, 128, 2048, 16_384] as const;
const NON_EMPTY = 16;
const BELL_PACKET_BYTES = 64;

/** From host to host, so many at once: a window has room for 512 packets, and what has none waits. */
const PATHS = [
  { frameBytes: 1500, framesAtOnce: 256, how: 'straight on' },
  { frameBytes: 1500, framesAtOnce: 1024, how: 'half of them wait' },
  { frameBytes: 65_000, framesAtOnce: 8, how: 'straight on' },
  { frameBytes: 65_000, framesAtOnce: 20, how: 'half of them wait' },
] as const;

const SELVAGE: Contender = {
  name: 'selvage',
  title: 'a queue a flow',
  settings: 'rings of 64 from one pool, linked and given back',
};
const STATIC: Contender = {
  name: 'staticQueues',
  title: 'static queues',
  settings: 'a ring of 64 each, dealt out by a hash of the 5-tuple as RSS does; computed, not measured',
};

const POLLING: Contender = {
  name: 'pollingEveryQueue',
  title: 'polling every queue',
  settings: 'the same memory without doorbells',
};

const columns: readonly Column[] = [
  { metric: 'packetsPerSecond', title: 'packets/s' },
  { metric: 'nanosPerPacket', title: 'ns a packet' },
  { metric: 'sharing', title: 'flows that share a queue' },
  { metric: 'queueKilobytes', title: 'KB of queues' },
];

export async function queues({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, flows, warmUpMillis, millis, epochs, bellRounds } = quick ? QUICK : FULL;
  const measured = new Measurements();
  progress('Warming up …');
  for (const mixture of MIXTURES) activeFlows(mixture, WARM_UP_FLOWS, 2 * warmUpMillis, 1);
  let collisions = 0;
  let drops = 0;
  for (let round = 0; round < rounds; round++) {
    for (const count of rotated(flows, round)) {
      for (const mixture of MIXTURES) {
        progress(`Round ${round + 1} of ${rounds}: ${flowsCase(mixture, count)} …`);
        const found = activeFlows(mixture, count, warmUpMillis, millis);
        collisions += found.collisions;
        drops += found.drops;
        const { packetsPerSecond } = found;
        measured.record('selvage', flowsCase(mixture, count), {
          packetsPerSecond,
          nanosPerPacket: 1e9 / packetsPerSecond,
          sharing: found.collisions,
        });
      }
    }
  }
  progress('Flows that come and go …');
  const churn = turnover(ALL_FLOWS, ACTIVE_FLOWS, FRAMES_OF_EACH, epochs);
  collisions += churn.collisions;
  drops += churn.drops;
  measured.record('selvage', churnCase, {
    sharing: churn.collisions,
    queueKilobytes: churn.mostBytes / 1000,
  });
  for (const count of STATIC_QUEUES) {
    measured.record('staticQueues', `${churnCase}, ${count.toLocaleString('en-US')} queues`, {
      sharing: sharingOf(churn.epochs, count),
      queueKilobytes: (count * RING_BYTES) / 1000,
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const openQueues of rotated(OPEN_QUEUES, round)) {
      progress(`Round ${round + 1} of ${rounds}: ${bellCase(openQueues)} …`);
      const spec = { openQueues, nonEmpty: NON_EMPTY, packetBytes: BELL_PACKET_BYTES, rounds: bellRounds };
      const { doorbellPacketsPerSecond, pollingPacketsPerSecond } = measureDoorbells(spec);
      const record = (name: PeerName, packetsPerSecond: number) =>
        measured.record(name, bellCase(openQueues), {
          packetsPerSecond,
          nanosPerPacket: 1e9 / packetsPerSecond,
        });
      record('selvage', doorbellPacketsPerSecond);
      record('pollingEveryQueue', pollingPacketsPerSecond);
    }
  }
  drops += measurePaths(measured, { rounds, warmUpMillis, millis, progress });
  const of = (mixture: Mixture, count: number) =>
    measured.median('selvage', flowsCase(mixture, count), 'packetsPerSecond')!;
  const [few, many] = [flows[0]!, flows.at(-1)!];
  const ratios = {
    throughput16kOver16: Math.min(...MIXTURES.map((mixture) => of(mixture, many) / of(mixture, few))),
    vsPollingAt2k: quotient(measured, 'selvage', 'pollingEveryQueue', 'packetsPerSecond', bellCase(2048)),
    collisions,
    drops,
    memoryOverStatic: churn.mostBytes / (STATIC_QUEUES.at(-1)! * RING_BYTES),
  };
  return { rounds, peers: [SELVAGE, POLLING, STATIC], columns, measured, ratios, notes: notes() };
}

interface PathRounds extends Pick<BenchOptions, 'progress'> {
  readonly rounds: number;
  readonly warmUpMillis: number;
  readonly millis: number;
}

/** What a frame costs from host to host; how many were dropped. */
function measurePaths(
  measured: Measurements,
  { rounds, warmUpMillis, millis, progress }: PathRounds,
): number {
  let drops = 0;
  for (let round = 0; round < rounds; round++) {
    for (const path of rotated(PATHS, round)) {
      progress(`Round ${round + 1} of ${rounds}: ${pathCase(path)} …`);
      const found = switchPath({ ...path, warmUpMillis, millis });
      drops += found.drops;
      measured.record('selvage', pathCase(path), {
        packetsPerSecond: found.framesPerSecond,
        nanosPerPacket: 1e9 / found.framesPerSecond,
      });
    }
  }
  return drops;
}

export function pathCase({ frameBytes, how }: (typeof PATHS)[number]): string {
  return `host to host, ${frameBytes.toLocaleString('en-US')} bytes, ${how}`;
}

export function bellCase(openQueues: number): string {
  return `${openQueues.toLocaleString('en-US')} open queues, ${NON_EMPTY} not empty`;
}

const churnCase = `${ACTIVE_FLOWS.toLocaleString('en-US')} of ${ALL_FLOWS.toLocaleString('en-US')} flows active`;

export function flowsCase(mixture: Mixture, flows: number): string {
  return `${flows.toLocaleString('en-US')} flows, ${mixture}`;
}

/** Of flows that are active together, how many have to share one of so many queues: the mean. */
function sharingOf(epochs: readonly Uint16Array[], queueCount: number): number {
  const key = new Uint32Array(11);
  let sharing = 0;
  for (const flows of epochs) {
    const inQueue = new Uint32Array(queueCount);
    const queueOf = (flow: number) => {
      key[8] = flow << 16;
      return (hashFlowKey(key, 0) >>> 0) % queueCount;
    };
    for (const flow of flows) inQueue[queueOf(flow)]!++;
    for (const flow of flows) if (inQueue[queueOf(flow)]! > 1) sharing++;
  }
  return sharing / epochs.length;
}

function notes(): string[] {
  return [
    'The real switch in one process, from one vNIC with flows to another, both of them memory: frames of 74 bytes, one at a time of ' +
      'whichever flow, classified, checked and put into their flow’s queue; the vNICs’ own work is in the figures. No system call.',
    `Flows that come and go: ${ACTIVE_FLOWS} at a time, each with ${FRAMES_OF_EACH} frames that wait in the switch until their owner takes them.`,
    'Host to host: two switches in one process, joined by memory; what a frame costs both of them, with acknowledgements and ' +
      'one copy of its packets in place of the kernel’s. A frame of 65,000 bytes is a super-frame of TCP and goes in many packets.',
    `Open queues: what the switch spends on reading packets of ${BELL_PACKET_BYTES} bytes from an endpoint’s shared memory, with doorbells and without; one process.`,
  ];
}
