// Runs TypeScript files of the tests as processes of their own.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Ended {
  readonly status: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** What it has written to its standard output so far. */
  readonly output: () => string;
  readonly ended: Promise<Ended>;
}

export function start(file: string, ...args: string[]): Started {
  return startProgram(process.execPath, '--import', 'tsx', join(import.meta.dirname, file), ...args);
}

export function startProgram(path: string, ...args: string[]): Started {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ status: code ?? signal!, stdout, stderr }));
  });
  return { child, output: () => stdout, ended };
}

/** `selvage` with these arguments, to its end. */
export function selvage(...args: string[]): Promise<Ended> {
  return start('commands.ts', ...args).ended;
}
