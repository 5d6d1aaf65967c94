// What connections cost in memory (BIFROST §6.1.4, figure 22): two hosts with their transports in one process, joined by
// a wire in virtual time. It needs no lab and no privileges.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import { figure } from '../harness/text-table.ts';
import type { Contender } from '../peers/peer.ts';
import { DEFAULT_WINDOW } from '../peers/selvage.ts';
import { builtProgram } from '../workloads/built-program.ts';
import type { StateReport, StateSpec } from '../workloads/connection-state/measure.ts';
import { FLIGHT_MICROS, REST_MICROS } from '../workloads/connection-state/two-hosts.ts';

const SHARED: Omit<StateSpec, 'connections' | 'flows'> = {
  windowPackets: DEFAULT_WINDOW,
  rates: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  flowsPerPair: [1, 2, 4, 10, 50],
};
const FULL: StateSpec = { ...SHARED, connections: 100_000, flows: 100_000 };
const QUICK: StateSpec = { ...SHARED, connections: 10_000, flows: 10_000 };

const HEAP_MEGABYTES = 8192;
const TIMEOUT_MILLIS = 1_800_000;

const columns: readonly Column[] = [
  { metric: 'bytes', title: 'bytes a connection' },
  { metric: 'packetsInFlight', title: 'packets in flight' },
  { metric: 'megabytes', title: 'MB in all' },
];

const SELVAGE: Contender = {
  name: 'selvage',
  title: 'Selvage',
  settings: `window of ${DEFAULT_WINDOW} packets`,
};

export async function state({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const spec = quick ? QUICK : FULL;
  progress(`Opening ${count(spec.connections)} connections …`);
  const report = await measure(spec);
  const { connections, idleBytes, activeBytes, activePackets, atRates, aggregated } = report;
  const measured = new Measurements();
  measured.record('selvage', 'idle', { bytes: idleBytes, packetsInFlight: 0 });
  measured.record('selvage', 'active', { bytes: activeBytes, packetsInFlight: activePackets });
  for (const { gbitPerSecond, bytes, packetsInFlight } of atRates)
    measured.record('selvage', rateCase(gbitPerSecond), { bytes, packetsInFlight });
  for (const { flowsPerPair, bytes } of aggregated)
    measured.record('selvage', aggregationCase(spec.flows, flowsPerPair), { megabytes: bytes / 1e6 });
  const [alone, ...shared] = aggregated;
  const saved = Object.fromEntries(
    shared.map(({ flowsPerPair, bytes }) => [`savedAt${flowsPerPair}FlowsAPair`, 1 - bytes / alone!.bytes]),
  );
  const ratios = { bytesPerActiveConnection: activeBytes, bytesPerIdleConnection: idleBytes, ...saved };
  const fewer = connections < spec.connections ? [`More than ${count(connections)} found no memory.`] : [];
  const series = [
    {
      chart: 'sender memory',
      name: 'Selvage',
      points: atRates.map(({ gbitPerSecond, bytes }) => [gbitPerSecond, bytes / 1024] as const),
    },
  ];
  const notes = [...notesOn(report), ...fewer];
  return { rounds: 1, peers: [SELVAGE], columns, measured, ratios, notes, series };
}

function rateCase(gbitPerSecond: number): string {
  return `sending ${gbitPerSecond} Gbit/s`;
}

function aggregationCase(flows: number, flowsPerPair: number): string {
  return `${count(flows)} 5-tuples, ${flowsPerPair} a pair`;
}

async function measure(spec: StateSpec): Promise<StateReport> {
  const options = ['--expose-gc', `--max-old-space-size=${HEAP_MEGABYTES}`];
  const argv = [...options, builtProgram('connection-state'), JSON.stringify(spec)];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: TIMEOUT_MILLIS });
  return JSON.parse(stdout);
}

function notesOn({ connections, activePackets }: StateReport): string[] {
  return [
    `${count(connections)} connections between two hosts in one process, virtual time, a flight of ${FLIGHT_MICROS} µs; ` +
      'V8’s heap and what hangs on it outside, after garbage collection, halved for one end. What packets lie in does ' +
      'not count.',
    `Idle: a frame was sent and acknowledged, then nothing for ${REST_MICROS / 1e6} s. Active: ${figure(activePackets)} packets are ` +
      'in flight, a frame of 64 KB; the other end, which has not heard of them, counts as idle.',
    'Sending: all typed arrays of the sending host’s transport, with one connection. 5-tuples: their connections idle, ' +
      'one end; a connection belongs to a pair of vNICs, whatever it carries.',
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
