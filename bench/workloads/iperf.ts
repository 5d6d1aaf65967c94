// Bulk TCP between tenants with iperf3.
import type { Lab } from '../../lab/lab.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { type Server, startServer } from './server.ts';

export interface IperfFigures {
  /** As the receiver counts. */
  readonly bitsPerSecond: number;
  readonly bytes: number;
  readonly retransmissions: number;
}

const IPERF_PORT = 5201;

/** For any number of runs, one after the other. */
export function startIperfServer(lab: Lab, node: string): Promise<Server> {
  return startServer(lab, node, ['iperf3', '-s', '-p', String(IPERF_PORT)], IPERF_PORT);
}

export async function runIperf(
  lab: Lab,
  node: string,
  { host, flows, seconds }: { host: string; flows: number; seconds: number },
): Promise<IperfFigures> {
  const argv = [
    'iperf3',
    '-J',
    '-c',
    host,
    '-p',
    String(IPERF_PORT),
    '-P',
    String(flows),
    '-t',
    String(seconds),
  ];
  const { stdout } = await lab.run(node, argv, { timeoutMillis: (seconds + 20) * 1000, anyStatus: true });
  return parseIperf(stdout);
}

export function parseIperf(json: string): IperfFigures {
  let report: IperfReport;
  try {
    report = JSON.parse(json);
  } catch (cause) {
    throw new SelvageError('failed', 'iperf3 gave no report.', { cause });
  }
  const { error, end } = report;
  const received = end?.sum_received;
  if (error !== undefined || received === undefined) {
    throw new SelvageError('failed', `iperf3 failed: ${error ?? 'its report has no sum'}.`);
  }
  const retransmissions = end?.sum_sent?.retransmits ?? 0;
  return { bitsPerSecond: received.bits_per_second, bytes: received.bytes, retransmissions };
}

interface IperfReport {
  readonly error?: string;
  readonly end?: {
    readonly sum_sent?: { readonly retransmits?: number };
    readonly sum_received?: { readonly bits_per_second: number; readonly bytes: number };
  };
}
