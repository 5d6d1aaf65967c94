// Short connections with ApacheBench: each request is a connection of its own, and its time begins with the wish to
// connect, so that a lost SYN counts. (wrk begins to count when the connection is made.)
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { HTTP_PORT } from './nginx.ts';

export interface ApacheBenchOptions {
  readonly host: string;
  readonly clients: number;
  readonly seconds: number;
}

export interface HttpFigures {
  readonly requests: number;
  readonly failed: number;
  readonly requestsPerSecond: number;
  readonly averageMillis: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
  readonly maxMillis: number;
}

/** More than can be done: the time ends a run. */
const MOST_REQUESTS = 5_000_000;
const PATIENCE_SECONDS = 60;

export async function runApacheBench(
  lab: Lab,
  node: string,
  { host, clients, seconds }: ApacheBenchOptions,
): Promise<HttpFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-ab-'));
  try {
    const percentiles = join(folder, 'percentiles.csv');
    const load = ['-c', String(clients), '-t', String(seconds), '-n', String(MOST_REQUESTS)];
    const argv = ['ab', '-q', '-r', '-s', String(PATIENCE_SECONDS), ...load, '-e', percentiles];
    const { stdout } = await lab.run(node, [...argv, `http://${host}:${HTTP_PORT}/index.html`], {
      timeoutMillis: (seconds + 2 * PATIENCE_SECONDS) * 1000,
    });
    return parseApacheBench(stdout, readFileSync(percentiles, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `csv` is what -e wrote: unlike the output it has parts of a millisecond. */
export function parseApacheBench(output: string, csv: string): HttpFigures {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const percentile = (share: number) => Number(new RegExp(`^${share},([\\d.]+)$`, 'm').exec(csv)?.[1]);
  const requests = number(/^Complete requests:\s+(\d+)/m);
  const seconds = number(/^Time taken for tests:\s+([\d.]+) seconds/m);
  const figures = {
    requests,
    failed: number(/^Failed requests:\s+(\d+)/m),
    requestsPerSecond: requests / seconds,
    averageMillis: number(/^Time per request:\s+([\d.]+) \[ms\] \(mean\)$/m),
    p50Millis: percentile(50),
    p99Millis: percentile(99),
    maxMillis: number(/^Total:.*\s(\d+)$/m),
  };
  if (Object.values(figures).every((figure) => Number.isFinite(figure))) return figures;
  throw new SelvageError('unsupported', 'What ab printed could not be read.', { cause: output });
}
