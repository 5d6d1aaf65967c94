// What the agent answers on its Unix socket: GET /ready, /status, /flows, /paths, /queues, /why, /engines and
// /congestion, POST /upgrade, /scheduler, /congestion/run, /congestion/set and /congestion/end.

import type { IncomingMessage, Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { SelvageError } from '../../base/errors.ts';
import { isScheduler, SCHEDULER_NAMES, type SchedulerName } from '../../vswitch/scheduling/scheduler.ts';
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
import { type Answer, serveJson } from './json-server.ts';

export interface AdminHandlers {
  readonly isReady: () => boolean;
  readonly status: () => Promise<AgentStatus>;
  /** These take filters; throw 'bad-input' for those they do not know. */
  readonly flows: (query: URLSearchParams) => Promise<readonly FlowStatus[]>;
  readonly paths: (query: URLSearchParams) => Promise<readonly PathStatus[]>;
  readonly queues: (query: URLSearchParams) => Promise<QueuesStatus>;
  readonly why: (query: URLSearchParams) => Promise<WhyStatus>;
  readonly engines: () => Promise<readonly EngineStatus[]>;
  readonly upgrade: (engines: readonly Upgrade[], executor?: string) => Promise<Upgraded>;
  readonly schedule: (scheduler: SchedulerName) => Promise<ScheduleOutcome>;
  readonly congestion: () => Promise<CongestionStatus>;
  /** Without a selection it governs what it did before. */
  readonly runAlgorithm: (file: string, name?: string, what?: SelectorText) => Promise<RunOutcome>;
  readonly setAlgorithm: (algorithm: string, what: SelectorText) => Promise<RunOutcome>;
  readonly endAlgorithm: (algorithm: string) => Promise<EndOutcome>;
}

const THERE_ARE =
  'there are GET /ready, /status, /flows, /paths, /queues, /why, /engines, /congestion, POST /upgrade, /scheduler, /congestion/run, /congestion/set, /congestion/end';

/** Listens at `<runtimeDir>/agent.sock`; throws 'already-running' when an agent answers there. */
export async function serveAdmin(runtimeDir: string, handlers: AdminHandlers): Promise<Server> {
  const path = socketPath(runtimeDir);
  return serveJson(path, {
    isReady: handlers.isReady,
    answers: answers(handlers),
    thereAre: THERE_ARE,
    starting: 'the agent is starting',
    alreadyRunning: () =>
      new SelvageError('already-running', `An agent already runs on this host: it answers at ${path}.`, {
        hint: 'Stop that one first, or give this one another runtimeDir and another underlay.address.',
      }),
  });
}

function answers(handlers: AdminHandlers): Record<string, Answer> {
  return {
    'GET /status': () => handlers.status(),
    'GET /flows': (_, query) => handlers.flows(query),
    'GET /paths': (_, query) => handlers.paths(query),
    'GET /queues': (_, query) => handlers.queues(query),
    'GET /why': (_, query) => handlers.why(query),
    'GET /engines': () => handlers.engines(),
    'POST /upgrade': async (request) => {
      const { engines, executor } = await fieldsOf(request);
      const isNamed = executor === undefined || typeof executor === 'string';
      if (Array.isArray(engines) && engines.every(isUpgrade) && isNamed)
        return handlers.upgrade(engines, executor);
      throw new SelvageError(
        'bad-input',
        'An upgrade names engines and files: {"engines": [{"engine": "switch", "file": "/…"}]}.',
      );
    },
    'POST /scheduler': async (request) => {
      const { scheduler } = await fieldsOf(request);
      if (typeof scheduler === 'string' && isScheduler(scheduler)) return handlers.schedule(scheduler);
      throw new SelvageError('bad-input', 'There is no such scheduler.', {
        hint: `There are: ${SCHEDULER_NAMES.join(', ')}.`,
      });
    },
    'GET /congestion': () => handlers.congestion(),
    'POST /congestion/run': async (request) => {
      const { file, name, what } = await fieldsOf(request);
      const isNamed = name === undefined || typeof name === 'string';
      if (typeof file === 'string' && isNamed && (what === undefined || isSelector(what)))
        return handlers.runAlgorithm(file, name, what);
      throw new SelvageError('bad-input', 'Say which file: {"file": "/…", "what": {"vni": "77"}}.');
    },
    'POST /congestion/set': async (request) => {
      const { algorithm, what } = await fieldsOf(request);
      if (typeof algorithm === 'string' && isSelector(what)) return handlers.setAlgorithm(algorithm, what);
      throw new SelvageError(
        'bad-input',
        'Say what governs what: {"algorithm": "reno", "what": {"vni": "77"}}.',
      );
    },
    'POST /congestion/end': async (request) => {
      const { algorithm } = await fieldsOf(request);
      if (typeof algorithm === 'string') return handlers.endAlgorithm(algorithm);
      throw new SelvageError('bad-input', 'Say which algorithm: {"algorithm": "reno"}.');
    },
  };
}

async function fieldsOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const asked = await json(request).catch(() => undefined);
  return typeof asked === 'object' && asked !== null ? (asked as Record<string, unknown>) : {};
}

function isSelector(value: unknown): value is SelectorText {
  if (typeof value !== 'object' || value === null) return false;
  const fields = ['vni', 'from', 'to', 'flow'];
  return Object.entries(value).every(([name, text]) => fields.includes(name) && typeof text === 'string');
}

function isUpgrade(value: unknown): value is Upgrade {
  const { engine, file } = (value ?? {}) as Record<string, unknown>;
  return typeof engine === 'string' && typeof file === 'string';
}
