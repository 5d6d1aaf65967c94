// Packets from one program to another of the same host: between two native endpoints through the switch of one agent, and by
// what the kernel and Node offer.
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import type { Contender } from '../peers/peer.ts';
import { BATCH, PACKET_BYTES, type StreamName } from '../workloads/packet-stream/cases.ts';
import { StreamSetting } from '../workloads/packet-stream/setting.ts';

const FULL = { rounds: 5, warmUpMillis: 2000, millis: 3000 };
const QUICK = { rounds: 3, warmUpMillis: 1500, millis: 1000 };

const situationOf = (bytes: number) => `${bytes} B`;

const columns: readonly Column[] = [
  { metric: 'packetsPerSecond', title: 'packets/s' },
  { metric: 'nanosPerPacket', title: 'ns a packet' },
  { metric: 'cpuNanosPerPacket', title: 'processor ns a packet' },
  { metric: 'gigabitsPerSecond', title: 'Gbit/s' },
];

const peers: readonly (Contender & { readonly name: StreamName })[] = [
  {
    name: 'selvage',
    title: 'native endpoints',
    settings: 'through the switch of one agent, all checksums made and checked, no packet lost',
  },
  {
    name: 'udpSockets',
    title: 'UDP sockets over veth',
    settings: 'sendmmsg and recvmmsg by direct system calls, buffers of 8 MB',
  },
  { name: 'afPacket', title: 'AF_PACKET over veth', settings: 'the same for whole frames, past the queue' },
  {
    name: 'messagePort',
    title: 'MessagePort',
    settings: 'between a worker and its thread, one message a packet',
  },
];

export async function endpoint({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, warmUpMillis, millis } = quick ? QUICK : FULL;
  const measured = new Measurements();
  const setting = await StreamSetting.make();
  try {
    await inTurns(peers, rounds, progress, async ({ name }) => {
      for (const bytes of PACKET_BYTES) {
        const { packetsPerSecond, cpuNanosPerPacket } = await setting.measure(
          name,
          bytes,
          warmUpMillis,
          millis,
        );
        measured.record(name, situationOf(bytes), {
          packetsPerSecond,
          nanosPerPacket: 1e9 / packetsPerSecond,
          cpuNanosPerPacket,
          gigabitsPerSecond: (packetsPerSecond * bytes * 8) / 1e9,
        });
      }
    });
  } finally {
    await setting.remove();
  }
  const faster = (peer: StreamName, bytes: number) =>
    quotient(measured, 'selvage', peer, 'packetsPerSecond', situationOf(bytes));
  const ratios = {
    ppsVsUdpSockets: faster('udpSockets', 64),
    ppsVsUdpSockets1500: faster('udpSockets', 1500),
    ppsVsAfPacket: faster('afPacket', 64),
    ppsVsMessagePort: faster('messagePort', 64),
  };
  const notes = [
    `One sender, one receiver, one flow, ${BATCH} packets a call; sizes are of IP packets. What is counted is what the receiver got: UDP and AF_PACKET send on whatever is lost.`,
    `${millis} ms a case and round after ${warmUpMillis} ms of warm-up. Processor time is the whole machine's, kernel and agent included.`,
  ];
  return { rounds, peers, columns, measured, ratios, notes };
}
