// Records between two processes, there and back: shared memory with doorbells beside sockets and MessagePort.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import type { Contender } from '../peers/peer.ts';
import { builtProgram } from '../workloads/built-program.ts';
import {
  type IpcPeerName,
  type PeerFigures,
  PING_PONG_BYTES,
  STREAM_BYTES,
} from '../workloads/ipc-peer/cases.ts';

const FULL = { rounds: 5, warmUpMillis: 500, millis: 1000 };
const QUICK = { rounds: 3, warmUpMillis: 250, millis: 300 };
const TIMEOUT_MILLIS = 60_000;

const PING_PONG = `ping-pong ${PING_PONG_BYTES} B`;
const streamOf = (bytes: number) => `stream ${bytes} B`;

const columns: readonly Column[] = [
  { metric: 'p50Micros', title: 'p50 µs' },
  { metric: 'p99Micros', title: 'p99 µs' },
  { metric: 'recordsPerSecond', title: 'records/s' },
  { metric: 'megabytesPerSecond', title: 'MB/s' },
];

const peers: readonly (Contender & { readonly name: IpcPeerName })[] = [
  { name: 'selvage', title: 'shared memory', settings: 'a session of @selvage/client with the service echo' },
  {
    name: 'unixSocket',
    title: 'Unix socket',
    settings: 'a stream, one write a record; reads take all there is',
  },
  {
    name: 'unixSocketBatched',
    title: 'Unix socket, batched',
    settings: 'a stream, one write for all records there are',
  },
  {
    name: 'tcpLoopback',
    title: 'TCP loopback',
    settings: 'TCP_NODELAY, one write a record; reads take all there is',
  },
  {
    name: 'messagePort',
    title: 'MessagePort',
    settings: 'between a thread and its worker, one message a record',
  },
];

export async function ipc({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, warmUpMillis, millis } = quick ? QUICK : FULL;
  const measured = new Measurements();
  await inTurns(peers, rounds, progress, async ({ name }) => {
    const argv = [builtProgram('ipc-peer'), name, String(warmUpMillis), String(millis)];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: TIMEOUT_MILLIS });
    const { pingPong, recordsPerSecond }: PeerFigures = JSON.parse(stdout);
    measured.record(name, PING_PONG, { ...pingPong });
    for (const bytes of STREAM_BYTES) {
      const rate = recordsPerSecond[bytes]!;
      const values = { recordsPerSecond: rate, megabytesPerSecond: (rate * bytes) / 1e6 };
      measured.record(name, streamOf(bytes), values);
    }
  });
  const stream64 = streamOf(64);
  const ratios = {
    streamVsUnixSocket: quotient(measured, 'selvage', 'unixSocket', 'recordsPerSecond', stream64),
    streamVsUnixSocketBatched: quotient(
      measured,
      'selvage',
      'unixSocketBatched',
      'recordsPerSecond',
      stream64,
    ),
    pingPongVsUnixSocket: quotient(measured, 'selvage', 'unixSocket', 'p50Micros', PING_PONG),
  };
  const notes = [
    `Each record is sent, echoed and received; in streams up to 1024 records or 256 KB are under way. ${millis} ms a case and round after ${warmUpMillis} ms of warm-up.`,
    'Sockets are driven by direct system calls. They look for input a short, adaptive time before they sleep, as sessions do, but for streams of one write a record, which carry more when they sleep at once.',
  ];
  return { rounds, peers, columns, measured, ratios, notes };
}
