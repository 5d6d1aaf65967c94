// redis-benchmark over one peer, and beside it a few connections of our own client: they ask every few milliseconds and
// tell what redis-benchmark does not, failures and gaps. Without redis-benchmark our client is the load as well.
import { findProgram } from '../../lab/programs.ts';
import type { Peer } from '../peers/peer.ts';
import type { Testbed } from '../testbed.ts';
import { startLoad } from '../workloads/load.ts';
import type { PhaseReport } from '../workloads/load-client/protocol.ts';
import { runRedisBenchmark } from '../workloads/redis-benchmark.ts';
import { REDIS_PORT } from '../workloads/redis-server.ts';
import type { LoadFigures } from './story.ts';

/** A client's usual patience is a second or more. */
export const WATCH = { connections: 8, intervalMillis: 4, timeoutMillis: 1000 };

const CLIENTS = 16;
/** Connections that TCP has given up for a while come back only when it tries again. */
const LOAD_TIMEOUT_MILLIS = 15_000;

export interface WatchedLoad {
  /** Undefined when the load did not end in time. */
  readonly figures: LoadFigures | undefined;
  readonly watch: PhaseReport;
}

/** `meanwhile` begins with the load. */
export async function watchedLoad(
  testbed: Testbed,
  peer: Peer,
  requests: number,
  meanwhile: (isRunning: () => boolean) => Promise<void> = async () => {},
): Promise<WatchedLoad> {
  const { lab, client } = testbed;
  const target = { host: peer.serverAddress, port: REDIS_PORT, request: 'get', phase: 'all' } as const;
  const watch = await startLoad(lab, client.name, { ...target, ...WATCH });
  let running = true;
  const load = runLoad(testbed, peer.serverAddress, requests).finally(() => {
    running = false;
  });
  const [figures] = await Promise.all([load, meanwhile(() => running)]);
  return { figures, watch: (await watch.stop()).at(-1)! };
}

async function runLoad(
  { lab, client }: Testbed,
  host: string,
  requests: number,
): Promise<LoadFigures | undefined> {
  if ((await findProgram('redis-benchmark')) !== undefined) {
    const options = {
      host,
      test: 'get',
      clients: CLIENTS,
      requests,
      timeoutMillis: LOAD_TIMEOUT_MILLIS,
    } as const;
    return runRedisBenchmark(lab, client.name, options);
  }
  const load = await startLoad(lab, client.name, {
    host,
    port: REDIS_PORT,
    connections: CLIENTS,
    request: 'get',
    intervalMillis: 0,
    requests,
    timeoutMillis: WATCH.timeoutMillis,
    phase: 'all',
  });
  return toFigures((await load.ended).at(-1)!);
}

export function toFigures(report: PhaseReport): LoadFigures {
  return {
    requests: report.completed,
    requestsPerSecond: report.requestsPerSecond,
    p50Millis: report.p50Micros / 1000,
    p99Millis: report.p99Micros / 1000,
    p999Millis: report.p999Micros / 1000,
    maxMillis: report.maxMicros / 1000,
  };
}
