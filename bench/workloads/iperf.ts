// Bulk TCP between tenants with iperf3.
import type { Lab } from '../../lab/lab.ts';
import { pause } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { type Server, startServer } from './server.ts';

export interface IperfOptions {
  readonly host: string;
  readonly flows: number;
  readonly seconds: number;
  readonly port?: number;
  /** That the sender's sockets choose; absent: the system's. */
  readonly congestion?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface IperfFigures {
  /** As the receiver counts. */
  readonly bitsPerSecond: number;
  readonly bytes: number;
  readonly retransmissions: number;
  /** Share of one processor that the receiving process took, user and system. */
  readonly receiverCpu: number;
  /** Interval after interval: what the receiver got, what the sender sent again. */
  readonly intervals: readonly IperfInterval[];
}

export interface IperfInterval {
  readonly bitsPerSecond: number;
  readonly retransmissions: number;
}

export const IPERF_PORT = 5201;
/** Both ends count in intervals of this length. */
export const INTERVAL_SECONDS = 0.5;

const BUSY = 'the server is busy';
const RETRY_MILLIS = 300;
const MOST_ATTEMPTS = 30;
const INTERVAL = ['-i', String(INTERVAL_SECONDS)];

/** For any number of runs, one after the other. It answers in JSON only when it writes JSON. */
export function startIperfServer(
  lab: Lab,
  node: string,
  port = IPERF_PORT,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  return startServer(lab, node, ['iperf3', '-s', '-J', '-p', String(port), ...INTERVAL], port, env);
}

export async function runIperf(lab: Lab, node: string, options: IperfOptions): Promise<IperfFigures> {
  const { host, flows, seconds, port = IPERF_PORT, congestion, env = {} } = options;
  const target = ['-c', host, '-p', String(port)];
  const control = congestion === undefined ? [] : ['-C', congestion];
  const load = ['-P', String(flows), '-t', String(seconds), ...control, ...INTERVAL];
  const argv = ['iperf3', '-J', '--get-server-output', ...target, ...load];
  for (let attempt = 1; ; attempt++) {
    const timeoutMillis = (seconds + 20) * 1000;
    const { stdout } = await lab.run(node, argv, { timeoutMillis, anyStatus: true, env });
    // The server may not have heard yet that the last run is over.
    if (!stdout.includes(BUSY) || attempt === MOST_ATTEMPTS) return parseIperf(stdout);
    await pause(RETRY_MILLIS);
  }
}

export function parseIperf(json: string): IperfFigures {
  let report: IperfReport;
  try {
    report = JSON.parse(json);
  } catch (cause) {
    throw new SelvageError('failed', 'iperf3 gave no report.', { cause });
  }
  const { error, end, intervals = [] } = report;
  const received = end?.sum_received;
  if (error !== undefined || received === undefined) {
    throw new SelvageError('failed', `iperf3 failed: ${error ?? 'its report has no sum'}.`);
  }
  const receiverCpu = end?.cpu_utilization_percent?.remote_total;
  const arrivals = report.server_output_json?.intervals;
  // The server's last interval may be too short to count.
  if (receiverCpu === undefined || arrivals === undefined || arrivals.length < intervals.length - 1) {
    throw new SelvageError('failed', 'iperf3 gave no whole report of its server.');
  }
  return {
    bitsPerSecond: received.bits_per_second,
    bytes: received.bytes,
    retransmissions: end?.sum_sent?.retransmits ?? 0,
    receiverCpu: receiverCpu / 100,
    intervals: intervals.slice(0, arrivals.length).map(({ sum }, index) => ({
      bitsPerSecond: arrivals[index]!.sum.bits_per_second,
      retransmissions: sum.retransmits ?? 0,
    })),
  };
}

interface IperfReport {
  readonly error?: string;
  readonly intervals?: readonly Interval[];
  readonly end?: {
    readonly sum_sent?: { readonly retransmits?: number };
    readonly sum_received?: { readonly bits_per_second: number; readonly bytes: number };
    readonly cpu_utilization_percent?: { readonly remote_total: number };
  };
  readonly server_output_json?: { readonly intervals?: readonly Interval[] };
}

interface Interval {
  readonly sum: { readonly bits_per_second: number; readonly retransmits?: number };
}
