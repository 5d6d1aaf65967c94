// `selvage lab …` and `selvage emulate …` from source, as a program of their own for tests.
import { Command } from 'commander';
import { addEmulateCommand, addLabCommands } from '../../lab/cli.ts';
import { describeError, exitCodeOf } from '../../src/cli/errors.ts';

const program = new Command('selvage').exitOverride();
addLabCommands(program);
addEmulateCommand(program);
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(describeError(error, false));
  process.exitCode = exitCodeOf(error);
}
