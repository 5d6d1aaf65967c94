// Asks the agent of this host over its Unix socket.
import type { CongestionStatus, EndOutcome, RunOutcome } from '../congestion/congestion-status.ts';
import type { SelectorText } from '../congestion/selector.ts';
import {
  type AgentStatus,
  type EngineStatus,
  type FlowStatus,
  type PathStatus,
  type QueuesStatus,
  type ScheduleOutcome,
  socketPath,
  type Upgraded,
} from '../reports/status.ts';
import type { WhyStatus } from '../reports/why-status.ts';
import type { Upgrade } from '../upgrades/upgrades.ts';
import { askJson } from './json-client.ts';

/** Long enough for a large bundle and its trial. */
const UPGRADE_PATIENCE_MILLIS = 60_000;
/** Long enough for very many connections. */
const LIST_PATIENCE_MILLIS = 20_000;

/** What to leave out; absent or undefined: nothing. */
export type Filters = Readonly<Record<string, string | undefined>>;

/** Throws SelvageError: 'not-running' when nobody listens, 'no-privilege', or 'failed' when the answer is no good. */
export async function fetchStatus(
  runtimeDir: string,
  patienceMillis = LIST_PATIENCE_MILLIS,
): Promise<AgentStatus> {
  return (await call(runtimeDir, 'GET', '/status', undefined, patienceMillis)) as AgentStatus;
}

export async function fetchEngines(runtimeDir: string): Promise<readonly EngineStatus[]> {
  return (await call(runtimeDir, 'GET', '/engines', undefined, 5000)) as readonly EngineStatus[];
}

/** Throws 'bad-input' for filters that the agent does not know or understand. */
export async function fetchFlows(runtimeDir: string, filters: Filters): Promise<readonly FlowStatus[]> {
  return (await list(runtimeDir, '/flows', filters)) as readonly FlowStatus[];
}

export async function fetchPaths(runtimeDir: string, filters: Filters): Promise<readonly PathStatus[]> {
  return (await list(runtimeDir, '/paths', filters)) as readonly PathStatus[];
}

export async function fetchQueues(runtimeDir: string, filters: Filters): Promise<QueuesStatus> {
  return (await list(runtimeDir, '/queues', filters)) as QueuesStatus;
}

/** Throws what the agent says when there is no such scheduler. */
export async function requestSchedule(runtimeDir: string, scheduler: string): Promise<ScheduleOutcome> {
  const body = JSON.stringify({ scheduler });
  return (await call(runtimeDir, 'POST', '/scheduler', body, 5000)) as ScheduleOutcome;
}

export async function fetchWhy(runtimeDir: string, filters: Filters): Promise<WhyStatus> {
  return (await list(runtimeDir, '/why', filters)) as WhyStatus;
}

export async function fetchCongestion(runtimeDir: string): Promise<CongestionStatus> {
  return (await call(runtimeDir, 'GET', '/congestion', undefined, 5000)) as CongestionStatus;
}

/** Throws what the agent says when nothing was changed. */
export async function requestRun(
  runtimeDir: string,
  file: string,
  name: string | undefined,
  what: SelectorText | undefined,
): Promise<RunOutcome> {
  const body = JSON.stringify({ file, name, what });
  return (await call(runtimeDir, 'POST', '/congestion/run', body, UPGRADE_PATIENCE_MILLIS)) as RunOutcome;
}

/** Throws what the agent says when nothing was changed. */
export async function requestSet(
  runtimeDir: string,
  algorithm: string,
  what: SelectorText,
): Promise<RunOutcome> {
  const body = JSON.stringify({ algorithm, what });
  return (await call(runtimeDir, 'POST', '/congestion/set', body, UPGRADE_PATIENCE_MILLIS)) as RunOutcome;
}

/** Throws what the agent says when there is no such algorithm. */
export async function requestEnd(runtimeDir: string, algorithm: string): Promise<EndOutcome> {
  return (await call(
    runtimeDir,
    'POST',
    '/congestion/end',
    JSON.stringify({ algorithm }),
    5000,
  )) as EndOutcome;
}

function list(runtimeDir: string, path: string, filters: Filters): Promise<unknown> {
  const given = Object.entries(filters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const query = new URLSearchParams(given).toString();
  const asked = query === '' ? path : `${path}?${query}`;
  return call(runtimeDir, 'GET', asked, undefined, LIST_PATIENCE_MILLIS);
}

/** Throws 'failed' with what the agent says when the old engines run on. */
export async function requestUpgrade(
  runtimeDir: string,
  engines: readonly Upgrade[],
  executor?: string,
): Promise<Upgraded> {
  const body = JSON.stringify({ engines, executor });
  return (await call(runtimeDir, 'POST', '/upgrade', body, UPGRADE_PATIENCE_MILLIS)) as Upgraded;
}

function call(
  runtimeDir: string,
  method: 'GET' | 'POST',
  path: string,
  body: string | undefined,
  patienceMillis: number,
): Promise<unknown> {
  const asked = {
    socket: socketPath(runtimeDir),
    name: 'The agent',
    absent: 'No agent runs on this host',
    hint:
      'Start it with `selvage agent --config FILE`; if its runtimeDir is another, give that with --runtime-dir; that of a ' +
      'lab’s host is asked by `selvage lab exec host1 -- selvage status`.',
  };
  return askJson(asked, { method, path, body, patienceMillis });
}
