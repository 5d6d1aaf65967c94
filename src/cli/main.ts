#!/usr/bin/env node
// The `selvage` command: runs what the command line says and turns whatever goes wrong into a sentence and an exit code.
import { describeError, exitCodeOf } from './errors.ts';
import { createProgram } from './program.ts';

function stop(error: unknown): never {
  process.stderr.write(describeError(error, process.env['SELVAGE_DEBUG'] === '1'));
  process.exit(exitCodeOf(error));
}

// A reader that has seen enough (`selvage status | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  stop(error);
});
process.on('uncaughtException', stop);

try {
  await createProgram().parseAsync();
} catch (error) {
  stop(error);
}
