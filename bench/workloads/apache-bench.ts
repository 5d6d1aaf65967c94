// Short connections with ApacheBench: each request is a connection of its own, and its time begins with the wish to
// connect, so that a lost SYN counts. (wrk begins to count when the connection is made.)
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { mixedPercentile } from './mixture.ts';
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
/** One program alone is slower than what it measures: all of the way to the server is taken in its turn. */
export const PROGRAMS = 2;

/** The clients are divided between several programs that run at the same time. */
export async function runApacheBench(
  lab: Lab,
  node: string,
  { host, clients, seconds }: ApacheBenchOptions,
): Promise<HttpFigures> {
  const each = { host, clients: clients / PROGRAMS, seconds };
  return together(await Promise.all(Array.from({ length: PROGRAMS }, () => runOne(lab, node, each))));
}

async function runOne(
  lab: Lab,
  node: string,
  { host, clients, seconds }: ApacheBenchOptions,
): Promise<ProgramFigures> {
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

export interface ProgramFigures {
  readonly requests: number;
  readonly failed: number;
  readonly requestsPerSecond: number;
  readonly averageMillis: number;
  /** From 0 to 100 %. */
  readonly percentilesMillis: readonly number[];
}

/** `csv` is what -e wrote: unlike the output it has every percentile, and parts of a millisecond. */
export function parseApacheBench(output: string, csv: string): ProgramFigures {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const requests = number(/^Complete requests:\s+(\d+)/m);
  const seconds = number(/^Time taken for tests:\s+([\d.]+) seconds/m);
  const figures = {
    requests,
    failed: number(/^Failed requests:\s+(\d+)/m),
    requestsPerSecond: requests / seconds,
    averageMillis: number(/^Time per request:\s+([\d.]+) \[ms\] \(mean\)$/m),
    percentilesMillis: [...csv.matchAll(/^\d+,([\d.]+)$/gm)].map(([, millis]) => Number(millis)),
  };
  const { percentilesMillis, ...single } = figures;
  const isWhole = percentilesMillis.length === PERCENTILES;
  if (isWhole && Object.values(single).every(Number.isFinite)) return figures;
  throw new SelvageError('unsupported', 'What ab printed could not be read.', { cause: output });
}

const PERCENTILES = 101;

export function together(programs: readonly ProgramFigures[]): HttpFigures {
  const sum = (pick: (program: ProgramFigures) => number) =>
    programs.reduce((total, program) => total + pick(program), 0);
  const requests = sum((program) => program.requests);
  const distributions = programs.map((program) => ({
    weight: program.requests,
    percentiles: program.percentilesMillis,
  }));
  return {
    requests,
    failed: sum(({ failed }) => failed),
    requestsPerSecond: sum(({ requestsPerSecond }) => requestsPerSecond),
    averageMillis: sum((program) => program.averageMillis * program.requests) / requests,
    p50Millis: mixedPercentile(distributions, 0.5),
    p99Millis: mixedPercentile(distributions, 0.99),
    maxMillis: Math.max(...programs.map(({ percentilesMillis }) => percentilesMillis.at(-1)!)),
  };
}
