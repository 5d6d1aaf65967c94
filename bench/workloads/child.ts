// A process that a benchmark starts on the machine itself. It ends before the benchmark does, also upon Ctrl-C.
import { type ChildProcess, spawn } from 'node:child_process';
import { exitStatus } from '../../lab/execute.ts';
import { beforeInterrupt } from '../../lab/interrupt.ts';
import { endProcess, pause, processId } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Child {
  /** What it has said so far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Asks it to end, and then insists. */
  stop(): Promise<void>;
}

const POLL_MILLIS = 20;

export function startChild(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const [program, ...words] = argv;
  const child: ChildProcess = spawn(program!, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const self = child.pid === undefined ? undefined : processId(child.pid);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  const stop = async () => {
    if (self !== undefined) await endProcess(self);
  };
  const forget = beforeInterrupt(stop);
  const ended = exitStatus(child)
    .finally(forget)
    .then((status) => ({ status, ...said }));
  ended.catch(() => {});
  return {
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    ended,
    stop,
  };
}

/** Its output, when it has ended well. */
export async function runChild(
  argv: readonly string[],
  timeoutMillis: number,
  env?: Readonly<Record<string, string>>,
): Promise<string> {
  const child = startChild(argv, env);
  const timer = setTimeout(() => void child.stop(), timeoutMillis);
  const { status, stdout, stderr } = await child.ended.finally(() => clearTimeout(timer));
  if (status === 0) return stdout;
  const hint = stderr.trim().split('\n').slice(-5).join('\n  ') || stdout.trim().split('\n').at(-1) || '';
  throw new SelvageError('failed', `${argv.join(' ')} ended with ${status}.`, { hint });
}

/** Until it is ready; throws with what it said when it ends before. */
export async function startReady(
  argv: readonly string[],
  isReady: (child: Child) => boolean,
  timeoutMillis: number,
  env?: Readonly<Record<string, string>>,
): Promise<Child> {
  const child = startChild(argv, env);
  let ending: string | undefined;
  void child.ended.then(
    ({ status }) => {
      ending = `it ended with ${status}`;
    },
    (error: Error) => {
      ending = error.message;
    },
  );
  const deadline = performance.now() + timeoutMillis;
  while (!isReady(child)) {
    if (performance.now() > deadline) ending ??= `not ready after ${timeoutMillis / 1000} s`;
    if (ending !== undefined) {
      await child.stop();
      const hint = child.stderr.trim().split('\n').slice(-5).join('\n  ');
      throw new SelvageError('failed', `${argv.join(' ')} did not start: ${ending}.`, { hint });
    }
    await pause(POLL_MILLIS);
  }
  return child;
}
