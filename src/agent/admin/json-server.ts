// A process's own HTTP server on a Unix socket that only its user can open: every answer is JSON. The socket is also the lock
// that keeps a second process from starting in its place.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { SelvageError } from '../../base/errors.ts';
import { makeFolder } from '../folders.ts';

export type Answer = (request: IncomingMessage, query: URLSearchParams) => Promise<unknown>;

export interface JsonService {
  readonly isReady: () => boolean;
  /** By method and path: `GET /status`. */
  readonly answers: Readonly<Record<string, Answer>>;
  /** What to say to a request that is for nothing there is. */
  readonly thereAre: string;
  /** What is said while it is not ready. */
  readonly starting: string;
  /** Made when somebody answers at the socket already. */
  readonly alreadyRunning: () => SelvageError;
}

/** Listens at `path`, whose folder is made; GET /ready is answered in any case. */
export async function serveJson(path: string, service: JsonService): Promise<Server> {
  makeRuntimeFolder(dirname(path));
  if (await isAnswered(path)) throw service.alreadyRunning();
  // Nobody listens: what is left is from one that was killed.
  rmSync(path, { force: true });
  const { answers, isReady, thereAre, starting } = service;
  const server = createServer((request, response) => {
    const reply = (code: number, body: unknown) => {
      response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    };
    const [pathname, query] = parseTarget(request.url ?? '/');
    const work = answers[`${request.method} ${pathname}`];
    if (pathname === '/ready') reply(isReady() ? 200 : 503, { ready: isReady() });
    else if (work === undefined) reply(404, { error: thereAre });
    else if (!isReady()) reply(503, { error: starting });
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
