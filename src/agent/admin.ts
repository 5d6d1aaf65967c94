// The agent's own HTTP server on a Unix socket that only its user can open: GET /ready, /status, /flows,
// /paths, /engines and /congestion, POST /upgrade, /congestion/run, /congestion/set and /congestion/end. The socket is also
// the lock that keeps a second agent from starting in the same runtime folder.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { SelvageError } from '../base/errors.ts';
import type { CongestionStatus, EndOutcome, RunOutcome } from './congestion/congestion-status.ts';
import type { SelectorText } from './congestion/selector.ts';
import { makeFolder } from './folders.ts';
import {
  type AgentStatus,
  type EngineStatus,
  type FlowStatus,
  type PathStatus,
  socketPath,
  type Upgraded,
} from './status.ts';
import type { Upgrade } from './upgrades.ts';

export interface AdminHandlers {
  readonly isReady: () => boolean;
  readonly status: () => Promise<AgentStatus>;
  /** Both take filters; throw 'bad-input' for those they do not know. */
  readonly flows: (query: URLSearchParams) => Promise<readonly FlowStatus[]>;
  readonly paths: (query: URLSearchParams) => Promise<readonly PathStatus[]>;
  readonly engines: () => Promise<readonly EngineStatus[]>;
  readonly upgrade: (engines: readonly Upgrade[], executor?: string) => Promise<Upgraded>;
  readonly congestion: () => Promise<CongestionStatus>;
  /** Without a selection it governs what it did before. */
  readonly runAlgorithm: (file: string, name?: string, what?: SelectorText) => Promise<RunOutcome>;
  readonly setAlgorithm: (algorithm: string, what: SelectorText) => Promise<RunOutcome>;
  readonly endAlgorithm: (algorithm: string) => Promise<EndOutcome>;
}

const THERE_ARE =
  'there are GET /ready, /status, /flows, /paths, /engines, /congestion, POST /upgrade, /congestion/run, /congestion/set, /congestion/end';

/** Listens at `<runtimeDir>/agent.sock`; throws 'already-running' when an agent answers there. */
export async function serveAdmin(runtimeDir: string, handlers: AdminHandlers): Promise<Server> {
  const path = socketPath(runtimeDir);
  makeRuntimeFolder(runtimeDir);
  if (await isAnswered(path)) {
    throw new SelvageError('already-running', `An agent already runs on this host: it answers at ${path}.`, {
      hint: 'Stop that one first, or give this one another runtimeDir and another underlay.address.',
    });
  }
  // Nobody listens: what is left is from an agent that was killed.
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    const reply = (code: number, body: unknown) => {
      response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    };
    const [pathname, query] = parseTarget(request.url ?? '/');
    const work = answers(handlers)[`${request.method} ${pathname}`];
    if (pathname === '/ready') reply(handlers.isReady() ? 200 : 503, { ready: handlers.isReady() });
    else if (work === undefined) reply(404, { error: THERE_ARE });
    else if (!handlers.isReady()) reply(503, { error: 'the agent is starting' });
    else
      work(request, query).then(
        (answer) => reply(200, answer),
        (thrown) => {
          const { code, message, hint } = SelvageError.from(thrown);
          reply(code === 'bad-input' ? 400 : 500, { error: message, hint });
        },
      );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return server;
}

/** By hand: URL throws for what it does not understand, such as `//`. */
function parseTarget(target: string): [pathname: string, query: URLSearchParams] {
  const mark = target.indexOf('?');
  return mark < 0
    ? [target, new URLSearchParams()]
    : [target.slice(0, mark), new URLSearchParams(target.slice(mark))];
}

type Answer = (request: IncomingMessage, query: URLSearchParams) => Promise<unknown>;

function answers(handlers: AdminHandlers): Record<string, Answer> {
  return {
    'GET /status': () => handlers.status(),
    'GET /flows': (_, query) => handlers.flows(query),
    'GET /paths': (_, query) => handlers.paths(query),
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

function makeRuntimeFolder(runtimeDir: string): void {
  try {
    makeFolder(runtimeDir, 0o755);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const forbidden = code === 'EACCES' || code === 'EPERM';
    throw new SelvageError(
      forbidden ? 'no-privilege' : 'bad-input',
      `The folder ${runtimeDir} cannot be made: ${message}.`,
      {
        hint: `${forbidden ? 'Run as root, or set' : 'Set'} runtimeDir to a folder of yours.`,
        cause,
      },
    );
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
