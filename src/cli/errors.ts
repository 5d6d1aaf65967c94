// How errors leave the program: a SelvageError as its sentence and hint, anything else as a short message, because it is
// our mistake and a stack helps only us.
import { CommanderError } from 'commander';
import { SelvageError } from '../base/errors.ts';

/** What to write to stderr; with `debug` also where it came from. */
export function describeError(error: unknown, debug: boolean): string {
  // Commander has written its message already.
  if (error instanceof CommanderError) return '';
  if (debug) return `${error instanceof Error ? stackOf(error) : String(error)}\n`;
  if (error instanceof SelvageError) return `${error.toString()}\n`;
  const { message } = SelvageError.from(error);
  return `selvage failed unexpectedly: ${message}\n  SELVAGE_DEBUG=1 shows where.\n`;
}

export function exitCodeOf(error: unknown): number {
  return error instanceof CommanderError ? error.exitCode : 1;
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${stackOf(error.cause)}` : stack;
}
