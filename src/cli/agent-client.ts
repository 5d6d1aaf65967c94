// Asks the agent of this host over its Unix socket.
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type AgentStatus, socketPath } from '../agent/status.ts';
import { SelvageError } from '../base/errors.ts';

/** Throws SelvageError: 'not-running' when nobody listens, 'no-privilege', or 'failed' when the answer is no good. */
export async function fetchStatus(runtimeDir: string, patienceMillis = 5000): Promise<AgentStatus> {
  const socket = socketPath(runtimeDir);
  const { statusCode, body } = await get(socket, '/status', patienceMillis).catch(
    (error: NodeJS.ErrnoException) => {
      throw explain(error, socket, patienceMillis);
    },
  );
  if (statusCode !== 200) {
    throw new SelvageError(
      'failed',
      `The agent at ${socket} answered with status ${statusCode}: ${body.trim()}`,
    );
  }
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new SelvageError('failed', `What answers at ${socket} is no agent: its answer is not JSON.`, {
      cause,
    });
  }
}

interface Answer {
  readonly statusCode: number | undefined;
  readonly body: string;
}

function get(socket: string, path: string, patienceMillis: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: socket,
      path,
      agent: false,
      signal: AbortSignal.timeout(patienceMillis),
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      text(response).then((body) => resolve({ statusCode: response.statusCode, body }), reject);
    });
    asked.end();
  });
}

function explain(error: NodeJS.ErrnoException, socket: string, patienceMillis: number): SelvageError {
  const { code } = error;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED') {
    const hint =
      'Start it with `selvage agent --config FILE`; if its runtimeDir is another, give that with --runtime-dir.';
    return new SelvageError('not-running', `No agent runs on this host: nobody listens at ${socket}.`, {
      hint,
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'Run the command as root.';
    return new SelvageError('no-privilege', `You may not talk to the agent at ${socket}.`, {
      hint,
      cause: error,
    });
  }
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    const sentence = `The agent at ${socket} did not answer within ${patienceMillis / 1000} s.`;
    return new SelvageError('failed', sentence, { hint: 'If it stays so, restart it.', cause: error });
  }
  return new SelvageError('failed', `The agent at ${socket} could not be asked: ${error.message}.`, {
    cause: error,
  });
}
