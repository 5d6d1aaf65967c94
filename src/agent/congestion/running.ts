// What the plane knows of each of its algorithms, whether it runs or did, and how that is told.

import type { Channel, Wake } from '../../congestion/plane/channel.ts';
import type { Progress } from '../../congestion/plane/progress.ts';
import type { AlgorithmCode } from './algorithm-code.ts';
import type { AlgorithmStatus } from './congestion-status.ts';
import type { LinkStart, PlaneReport } from './plane-report.ts';

/** What runs an algorithm: a thread, or a program behind the socket. */
export interface Joining {
  readonly progress: Progress;
  attach(wake: Wake): Channel;
  detach(channel: Channel): void;
  stop(): Promise<void>;
}

/** What a program behind the socket offers. */
export interface Offering extends Joining {
  readonly isOpen: boolean;
}

/** Of the times that an algorithm was started again after it ended by itself. */
export interface Restarts {
  readonly all: number;
  /** Since it last ran for long, those that failed included. */
  readonly tries: number;
}

export const NEVER: Restarts = { all: 0, tries: 0 };

export interface Running {
  readonly name: string;
  /** What runs, or ran last: the name of one that is built in, or code; absent: a program behind the socket has it. */
  readonly given: string | AlgorithmCode | undefined;
  /** Absent: it ended. */
  host: Joining | undefined;
  links: readonly LinkStart[];
  trouble: string | undefined;
  readonly restarts: Restarts;
  readonly startedMillis: number;
}

export function newRunning(name: string, given: Running['given'], restarts = NEVER): Running {
  const startedMillis = performance.now();
  return { name, given, host: undefined, links: [], trouble: undefined, restarts, startedMillis };
}

export function statusOf(running: Running, reports: readonly PlaneReport[]): AlgorithmStatus {
  const { name, given, host, trouble, restarts } = running;
  const own = reports.flatMap(({ algorithms }) => algorithms.filter(({ algorithm }) => algorithm === name));
  const detail = own.find((report) => report.detail !== '')?.detail;
  return {
    name,
    from: given === undefined ? 'socket' : typeof given === 'string' ? 'built in' : given.file,
    state: host === undefined ? 'ended' : 'running',
    controlled: own.reduce((sum, { controlled }) => sum + controlled, 0),
    fallback: own.reduce((sum, { fallback }) => sum + fallback, 0),
    reports: host?.progress.reports ?? 0,
    commands: host?.progress.commands ?? 0,
    badMessages: host?.progress.bad ?? 0,
    restarts: restarts.all,
    trouble: trouble ?? detail,
  };
}

export function sumOf(reports: readonly PlaneReport[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { counters } of reports) {
    for (const [name, count] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}
