// Programs inside a node's namespace: started, or run to their end with their output collected.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { SelvageError } from '../src/base/errors.ts';
import { type ProgramFile, requireProgram } from './programs.ts';

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** As a shell has it. */
  readonly status: number;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMillis?: number;
  /** Return a status other than 0 instead of throwing. */
  readonly anyStatus?: boolean;
}

const { signals: signalNumbers } = osConstants;
const DEFAULT_TIMEOUT_MILLIS = 60_000;

/** By name as programs.ts finds it, or by a path. */
export async function resolveProgram(name: string | undefined): Promise<ProgramFile> {
  if (name === undefined) {
    throw new SelvageError('bad-input', 'There is no program to run.', {
      hint: 'Name one after --: … -- bash',
    });
  }
  if (!name.includes('/')) return requireProgram(name);
  try {
    accessSync(name, constants.X_OK);
    return { path: name, env: {} };
  } catch (cause) {
    throw new SelvageError('no-program', `${name} is not a program that can be run.`, { cause });
  }
}

/** `ip netns exec` puts the program itself in its place: the child's pid is the program's. */
export async function spawnInNetns(
  netns: string,
  argv: readonly string[],
  options: SpawnOptions = {},
): Promise<ChildProcess> {
  const [name, ...args] = argv;
  const program = await resolveProgram(name);
  const ip = await requireProgram('ip');
  const words = [program.path, ...(program.args ?? []), ...args];
  return spawn(ip.path, ['netns', 'exec', netns, ...words], {
    ...options,
    env: { ...(options.env ?? process.env), ...program.env },
  });
}

export async function runInNetns(
  netns: string,
  argv: readonly string[],
  { input = '', env, timeoutMillis = DEFAULT_TIMEOUT_MILLIS, anyStatus = false }: RunOptions = {},
): Promise<Finished> {
  const child = await spawnInNetns(netns, argv, {
    env: { ...process.env, ...env },
    timeout: timeoutMillis,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin!.on('error', () => {});
  child.stdin!.end(input);
  const status = await exitStatus(child);
  if (status === 0 || anyStatus) return { stdout, stderr, status };
  const why = stderr.trim().split('\n')[0] || stdout.trim().split('\n').pop() || `it exited with ${status}`;
  throw new SelvageError('failed', `${argv.join(' ')} failed in ${netns}: ${why}`, { cause: stderr });
}

/** When the child has ended and its output is read: the exit code, or 128 and the signal's number. */
export function exitStatus(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : signalNumbers[signal])));
  });
}

/**
 * The same for a child in the foreground. It gets the terminal's signals itself; those to us alone are passed on, and
 * we end when it does.
 */
export async function followChild(child: ChildProcess): Promise<number> {
  const ignore = () => {};
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', ignore);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, pass);
  try {
    return await exitStatus(child);
  } finally {
    process.off('SIGINT', ignore);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, pass);
  }
}

/** The end of a program's log, for an error. */
export function lastLines(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n').slice(-12);
  return lines.join('\n  ') || `It wrote nothing to ${logFile}.`;
}
