// Flows of many sizes behind one emulated link, and how long each took (CCP §4.6.1, figure 4.6).
import type { Series } from '../harness/bench.ts';
import { cumulative } from '../harness/distribution.ts';
import type { Values } from '../harness/measurements.ts';
import { ascending, percentileOf } from '../harness/percentiles.ts';
import { builtProgram } from './built-program.ts';
import { startReady } from './child.ts';
import { type LinkWords, runBehindLink } from './emulated-link.ts';
import type { FlowsReport, FlowsSpec } from './flow-completion/protocol.ts';
import { MEAN_FLOW_BYTES, SIZE_CLASSES } from './flow-completion/sizes.ts';
import { freePort } from './single-flow.ts';

const LINK = { rate: '192mbit', bitsPerSecond: 192e6, delay: '50ms', load: 0.5, servers: 50 };
const LINK_WORDS: LinkWords = ['--rate', LINK.rate, '--delay', LINK.delay, '--queue', '1bdp'];
const FLOWS_PER_SECOND = (LINK.load * LINK.bitsPerSecond) / 8 / MEAN_FLOW_BYTES;

export const ALL_FLOWS = 'flows, all sizes';

export interface FlowFigures {
  readonly cases: readonly (readonly [situation: string, values: Values])[];
  /** A distribution for each class of sizes. */
  readonly curves: readonly Pick<Series, 'chart' | 'points'>[];
}

/** With new connections, and a namespace of their own. */
export async function measureFlows(congestion: string, seconds: number, seed: number): Promise<FlowFigures> {
  const spec = { servers: LINK.servers, flowsPerSecond: FLOWS_PER_SECOND, seconds, seed };
  const { flows, unfinished, missedPackets } = await runFlows(LINK_WORDS, congestion, spec);
  const millisOf = (least: number, most: number) =>
    flows.filter(([bytes]) => bytes > least && bytes <= most).map(([, millis]) => millis);
  const classes = SIZE_CLASSES.map(({ name, leastBytes, mostBytes }, index) => ({
    name,
    millis: millisOf(index === 0 ? 0 : leastBytes, mostBytes),
  }));
  const all = millisOf(0, Number.POSITIVE_INFINITY);
  return {
    cases: [
      [ALL_FLOWS, { ...percentiles(all), flows: all.length, unfinished, missedPackets }],
      ...classes
        .filter(({ millis }) => millis.length > 0)
        .map(
          ({ name, millis }) => [`flows, ${name}`, { ...percentiles(millis), flows: millis.length }] as const,
        ),
    ],
    curves: classes.map(({ name, millis }) => ({ chart: `completion, ${name}`, points: cumulative(millis) })),
  };
}

function percentiles(millis: readonly number[]): Values {
  const sorted = ascending(millis);
  const at = (share: number) => percentileOf(sorted, share);
  return { p50Millis: at(0.5), p75Millis: at(0.75), p95Millis: at(0.95) };
}

export function flowsNote(seconds: number, seed: number): string {
  return (
    `Completion times: flows from ${LINK.servers} servers to one client for ${seconds} s, behind ` +
    `${LINK.bitsPerSecond / 1e6} Mbit/s with a round trip of 100 ms and a queue of one product, at ${LINK.load * 100} % of ` +
    `its load, under Reno, without slow start after idle. Arrivals are a Poisson process, sizes from the distribution of ` +
    `the thesis, ${Math.round(MEAN_FLOW_BYTES / 1000)} KB on average (seed ${seed}). A flow takes a persistent connection ` +
    'of its server that is free, else another one, and ends when the client has answered.'
  );
}

const START_MILLIS = 10_000;
const PATIENCE_SECONDS = 45;

async function runFlows(
  link: LinkWords,
  congestion: string,
  spec: Omit<FlowsSpec, 'port'>,
): Promise<FlowsReport & { readonly missedPackets: number }> {
  const port = await freePort();
  const program = [process.execPath, builtProgram('flow-completion')];
  const isReady = ({ stdout }: { readonly stdout: string }) => stdout !== '';
  const receiver = await startReady([...program, 'receive', String(port)], isReady, START_MILLIS);
  try {
    const { seed, seconds } = spec;
    const sender = [...program, 'send', JSON.stringify({ ...spec, port })];
    const timeoutMillis = (seconds + PATIENCE_SECONDS) * 1000;
    const { stdout, up } = await runBehindLink(link, sender, { seed, timeoutMillis, congestion });
    return { ...JSON.parse(stdout), missedPackets: up.missedPackets };
  } finally {
    await receiver.stop();
  }
}
