// One iperf3 connection under a congestion control, through an emulated link: what the link saw, and the sender's window
// as the kernel tells it ten times a second. Each run has a server of its own, since the one before may not hear that its
// link has gone.
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { requireProgram } from '../../lab/programs.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { type Child, startReady } from './child.ts';
import { type LinkRun, type LinkWords, runBehindLink } from './emulated-link.ts';
import { hasListener } from './server.ts';

export interface SingleFlow {
  readonly link: LinkWords;
  readonly congestion: string;
  readonly seconds: number;
  readonly seed: number;
}

export interface WindowSample {
  readonly atSeconds: number;
  readonly packets: number;
  readonly rttMillis: number;
}

export interface SingleFlowRun extends LinkRun {
  readonly windows: readonly WindowSample[];
  readonly retransmissions: number;
}

const INTERVAL_SECONDS = 0.1;
const START_MILLIS = 10_000;
const PATIENCE_SECONDS = 30;

export async function runSingleFlow({ link, congestion, seconds, seed }: SingleFlow): Promise<SingleFlowRun> {
  const { port, server } = await startIperfOnce();
  try {
    const load = ['-t', String(seconds), '-i', String(INTERVAL_SECONDS), '-C', congestion];
    const argv = ['iperf3', '-J', '-p', String(port), ...load, '-c'];
    const timeoutMillis = (seconds + PATIENCE_SECONDS) * 1000;
    const run = await runBehindLink(link, argv, { seed, timeoutMillis, congestion: 'reno' });
    return { ...run, ...parseWindows(run.stdout) };
  } finally {
    await server.stop();
  }
}

/** On this machine, for one run. */
export async function startIperfOnce(): Promise<{ readonly port: number; readonly server: Child }> {
  const { path, env } = await requireProgram('iperf3');
  const port = await freePort();
  const listens = () =>
    ['tcp', 'tcp6'].some((table) => hasListener(readFileSync(`/proc/net/${table}`, 'utf8'), port));
  const server = await startReady([path, '-s', '-1', '-p', String(port)], listens, START_MILLIS, env);
  return { port, server };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

interface IperfReport {
  readonly error?: string;
  readonly start?: { readonly tcp_mss_default?: number };
  readonly intervals?: readonly {
    readonly streams: readonly { readonly end: number; readonly snd_cwnd: number; readonly rtt: number }[];
  }[];
  readonly end?: { readonly sum_sent?: { readonly retransmits?: number } };
}

function parseWindows(json: string): Pick<SingleFlowRun, 'windows' | 'retransmissions'> {
  const { error, start, intervals = [], end }: IperfReport = JSON.parse(json);
  const mss = start?.tcp_mss_default;
  if (error !== undefined || mss === undefined)
    throw new SelvageError('failed', `iperf3 failed: ${error ?? 'its report has no segment size'}`);
  const windows = intervals.flatMap(({ streams: [stream] }) =>
    stream === undefined
      ? []
      : [{ atSeconds: stream.end, packets: stream.snd_cwnd / mss, rttMillis: stream.rtt / 1000 }],
  );
  return { windows, retransmissions: end?.sum_sent?.retransmits ?? 0 };
}
