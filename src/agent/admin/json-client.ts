// Asks a process of this host over its Unix socket, and makes of every failure a sentence.
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { SelvageError } from '../../base/errors.ts';

/** Who is asked, for sentences: `The agent`, `No agent runs on this host`. */
export interface Asked {
  readonly socket: string;
  readonly name: string;
  readonly absent: string;
  /** How to start it. */
  readonly hint: string;
}

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string | undefined;
  readonly patienceMillis: number;
}

/** Throws SelvageError: 'not-running' when nobody listens, 'no-privilege', what it says, or 'failed'. */
export async function askJson(asked: Asked, question: Question): Promise<unknown> {
  const { statusCode, body } = await ask(asked.socket, question).catch((error: NodeJS.ErrnoException) => {
    throw explain(error, asked, question.patienceMillis);
  });
  const answer = parse(body);
  const { socket, name } = asked;
  if (statusCode === 200 && answer !== undefined) return answer;
  if (statusCode === 200) {
    const what = name.replace(/^The /, '');
    throw new SelvageError('failed', `What answers at ${socket} is no ${what}: its answer is not JSON.`);
  }
  const { error, hint } = (answer ?? {}) as { error?: string; hint?: string };
  // A whole sentence, and not only that it is starting.
  if ((statusCode === 400 || statusCode === 500) && error !== undefined) {
    const code = statusCode === 400 ? 'bad-input' : 'failed';
    throw new SelvageError(code, error, hint === undefined ? {} : { hint });
  }
  throw new SelvageError('failed', `${name} at ${socket} answered with status ${statusCode}: ${body.trim()}`);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

interface Answer {
  readonly statusCode: number | undefined;
  readonly body: string;
}

function ask(socketPath: string, { method, path, body, patienceMillis }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patienceMillis);
    const asked = request({ socketPath, method, path, agent: false, signal });
    asked.on('error', reject);
    asked.on('response', (response) => {
      text(response).then((said) => resolve({ statusCode: response.statusCode, body: said }), reject);
    });
    asked.end(body);
  });
}

function explain(
  error: NodeJS.ErrnoException,
  { socket, name, absent, hint }: Asked,
  patienceMillis: number,
): SelvageError {
  const { code } = error;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED') {
    return new SelvageError('not-running', `${absent}: nobody listens at ${socket}.`, { hint, cause: error });
  }
  const lower = name.replace(/^The/, 'the');
  if (code === 'EACCES' || code === 'EPERM') {
    const asRoot = 'Run the command as root.';
    return new SelvageError('no-privilege', `You may not talk to ${lower} at ${socket}.`, {
      hint: asRoot,
      cause: error,
    });
  }
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    const sentence = `${name} at ${socket} did not answer within ${patienceMillis / 1000} s.`;
    return new SelvageError('failed', sentence, { hint: 'If it stays so, restart it.', cause: error });
  }
  return new SelvageError('failed', `${name} at ${socket} could not be asked: ${error.message}.`, {
    cause: error,
  });
}
