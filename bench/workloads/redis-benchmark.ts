// Runs redis-benchmark and reads what it prints for people: unlike its CSV it has percentiles beyond the 99th, with the
// number of requests up to each. It keeps latencies in steps of 8 µs (an HDR histogram whose lowest value is 10 µs).
import type { Lab } from '../../lab/lab.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { Column } from '../harness/bench.ts';
import { REDIS_PORT } from './redis-server.ts';

export interface RedisBenchmarkOptions {
  readonly host: string;
  readonly test: 'get' | 'set';
  readonly clients: number;
  readonly requests: number;
  /** Absent: three. */
  readonly valueBytes?: number;
  readonly timeoutMillis: number;
}

export interface RedisFigures {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly averageMillis: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
  /** The smallest printed latency that 99.9 % of the requests did not exceed. */
  readonly p999Millis: number;
  readonly maxMillis: number;
}

/** How reports show them. */
export const redisColumns: readonly Column[] = [
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'averageMillis', title: 'average ms' },
  { metric: 'p50Millis', title: 'p50 ms' },
  { metric: 'p99Millis', title: 'p99 ms' },
  { metric: 'p999Millis', title: 'p99.9 ms' },
  { metric: 'maxMillis', title: 'max ms' },
];

/** To its end; undefined when it has not ended in time. */
export async function runRedisBenchmark(
  lab: Lab,
  node: string,
  { host, test, clients, requests, valueBytes, timeoutMillis }: RedisBenchmarkOptions,
): Promise<RedisFigures | undefined> {
  const target = ['-h', host, '-p', String(REDIS_PORT)];
  const load = ['-t', test, '-c', String(clients), '-n', String(requests)];
  if (valueBytes !== undefined) load.push('-d', String(valueBytes));
  const { stdout, stderr, status } = await lab.run(node, ['redis-benchmark', ...target, ...load], {
    timeoutMillis,
    anyStatus: true,
  });
  if (status === KILLED) return undefined;
  if (status === 0) return parseRedisBenchmark(stdout);
  const why = (stderr.trim() || stdout.trim()).split('\n').pop() || `it exited with ${status}`;
  throw new SelvageError('failed', `redis-benchmark from ${node} to ${host} failed: ${why}`);
}

/** For those who cannot go on without. */
export function requireFigures(
  figures: RedisFigures | undefined,
  { host, timeoutMillis }: Pick<RedisBenchmarkOptions, 'host' | 'timeoutMillis'>,
): RedisFigures {
  if (figures !== undefined) return figures;
  throw new SelvageError('failed', `redis-benchmark to ${host} did not end in ${timeoutMillis / 1000} s.`);
}

const KILLED = 128 + 9;

export function parseRedisBenchmark(output: string): RedisFigures {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const requests = number(/^\s*(\d+) requests completed in/m);
  const requestsPerSecond = number(/throughput summary: ([\d.]+) requests per second/);
  const summary = /avg\s+min\s+p50\s+p95\s+p99\s+max\s*\n\s*([\d. ]+)/.exec(output)?.[1];
  const [averageMillis, , p50Millis, , p99Millis, maxMillis] = (summary ?? '')
    .trim()
    .split(/\s+/)
    .map(Number);
  const p999Millis = atCount(output, Math.ceil(requests * 0.999));
  const figures = { requests, requestsPerSecond, averageMillis, p50Millis, p99Millis, p999Millis, maxMillis };
  if (Object.values(figures).every((figure) => Number.isFinite(figure))) return figures as RedisFigures;
  throw new SelvageError('unsupported', 'What redis-benchmark printed could not be read.', {
    hint: 'It must be version 6.2 or later.',
    cause: output,
  });
}

function atCount(output: string, count: number): number {
  const lines = output.matchAll(/<= ([\d.]+) milliseconds \(cumulative count (\d+)\)/g);
  const reaching = [...lines].filter(([, , cumulative]) => Number(cumulative) >= count);
  return Math.min(...reaching.map(([, millis]) => Number(millis)));
}
