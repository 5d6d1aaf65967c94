// The agent's own HTTP server on a Unix socket that only its user can open: GET /ready, GET /status. The socket is
// also the lock that keeps a second agent from starting in the same runtime folder.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { SelvageError } from '../base/errors.ts';
import { makeFolder } from './folders.ts';
import { type AgentStatus, socketPath } from './status.ts';

export interface AdminHandlers {
  readonly isReady: () => boolean;
  readonly status: () => Promise<AgentStatus>;
}

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
    if (request.method !== 'GET') reply(405, { error: 'only GET is served here' });
    else if (request.url === '/ready') reply(handlers.isReady() ? 200 : 503, { ready: handlers.isReady() });
    else if (request.url !== '/status') reply(404, { error: 'there are /ready and /status' });
    else if (!handlers.isReady()) reply(503, { error: 'the agent is starting' });
    else
      handlers.status().then(
        (status) => reply(200, status),
        (error) => reply(500, { error: String(error) }),
      );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return server;
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
