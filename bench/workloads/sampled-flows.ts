// Connections of iperf3 through one emulated link, each from a time of its own on, and what the kernel says of them many
// times a second: windows and bytes acknowledged. iperf3 itself tells no more often than every 100 ms, five round trips
// of the links where this is used.
import { requireProgram } from '../../lab/programs.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { type LinkRun, type LinkWords, runBehindLink } from './emulated-link.ts';
import { startIperfOnce } from './single-flow.ts';

export interface SampledFlows {
  readonly link: LinkWords;
  /** As sockets choose it. */
  readonly congestion: string;
  readonly startSeconds: readonly number[];
  /** That each goes on. */
  readonly seconds: number;
  readonly sampleMillis: number;
  readonly seed: number;
}

export interface FlowSample {
  /** Since the first flow's first sample. */
  readonly atSeconds: number;
  readonly packets: number;
  readonly ackedBytes: number;
}

export interface SampledRun {
  readonly link: LinkRun;
  /** In the order of their starts. */
  readonly flows: readonly (readonly FlowSample[])[];
}

const PATIENCE_SECONDS = 30;
const AT = 'at ';

export async function runSampledFlows(options: SampledFlows): Promise<SampledRun> {
  const { link, congestion, startSeconds, seconds, seed } = options;
  const servers = await Promise.all(startSeconds.map(startIperfOnce));
  try {
    const ports = servers.map(({ port }) => port);
    const { path, env } = await requireProgram('iperf3');
    const script = scriptOf(options, ports, env);
    const timeoutMillis = (Math.max(...startSeconds) + seconds + PATIENCE_SECONDS) * 1000;
    // Each connection of iperf3 that carries words, not data, is not to be governed.
    const words = ['sh', '-c', script, path, congestion];
    const run = await runBehindLink(link, words, { seed, timeoutMillis, congestion: 'reno' });
    return { link: run, flows: parseSamples(run.stdout, congestion, ports) };
  } finally {
    for (const { server } of servers) await server.stop();
  }
}

/** iperf3 is $0, the congestion control $1, the other side $2. */
function scriptOf(
  { startSeconds, seconds, sampleMillis }: SampledFlows,
  ports: readonly number[],
  env: Readonly<Record<string, string>>,
): string {
  const assignments = Object.entries(env).map(([name, value]) => `${name}='${value}' `);
  const flows = startSeconds.map(
    (start, index) =>
      `(sleep ${start}; ${assignments.join('')}exec "$0" -c "$2" -p ${ports[index]} -C "$1" -t ${seconds} >/dev/null) & all="$all $!"`,
  );
  return [
    `(while :; do echo "${AT}$(date +%s%N)"; ss -OHtin state established; sleep ${sampleMillis / 1000}; done) & watch=$!`,
    ...flows,
    'status=0; for one in $all; do wait $one || status=$?; done; kill $watch; exit $status',
  ].join('\n');
}

/** What `ss` said of the connections with data: of those with this congestion control. */
export function parseSamples(
  text: string,
  congestion: string,
  ports: readonly number[],
): (readonly FlowSample[])[] {
  const flows = ports.map((): FlowSample[] => []);
  let atNanos = Number.NaN;
  let firstNanos = Number.NaN;
  for (const line of text.split('\n')) {
    if (line.startsWith(AT)) atNanos = Number(line.slice(AT.length));
    if (!line.includes(` ${congestion} `)) continue;
    const [, , , peer = ''] = line.trim().split(/\s+/);
    const flow = flows[ports.indexOf(Number(peer.slice(peer.lastIndexOf(':') + 1)))];
    const field = (pattern: RegExp) => Number(pattern.exec(line)?.[1] ?? 0);
    if (Number.isNaN(firstNanos)) firstNanos = atNanos;
    flow?.push({
      atSeconds: (atNanos - firstNanos) / 1e9,
      packets: field(/\bcwnd:(\d+)/),
      ackedBytes: field(/\bbytes_acked:(\d+)/),
    });
  }
  const silent = flows.findIndex((samples) => samples.length === 0);
  if (silent >= 0)
    throw new SelvageError('failed', `Of flow ${silent + 1} under ${congestion} nothing was seen.`);
  return flows;
}
