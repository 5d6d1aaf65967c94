// Every command explains itself, and the program's exits are the ones scripts rely on.
import { Command, type CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { CONNECTION_STATE_NAMES } from '../transport/connections.ts';
import { addAgentCommand } from './agent.ts';
import { createProgram } from './program.ts';

interface Outcome {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

async function runProgram(program: Command, ...args: string[]): Promise<Outcome> {
  let out = '';
  let err = '';
  for (const command of withSubcommands(program)) {
    command.configureOutput({ writeOut: (text) => (out += text), writeErr: (text) => (err += text) });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return { exitCode: 0, out, err };
  } catch (error) {
    return { exitCode: (error as CommanderError).exitCode, out, err };
  }
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}

describe('help', () => {
  test('names every state that connections are in', () => {
    const flows = createProgram().commands.find((command) => command.name() === 'flows')!;
    const { description } = flows.options.find(({ long }) => long === '--state')!;
    expect(description.split(/, | or /).sort()).toEqual([...CONNECTION_STATE_NAMES].sort());
  });

  const commands = withSubcommands(createProgram()).map((command) => pathOf(command));

  test.each(commands.map((path) => [path.join(' ') || 'selvage', path] as const))('%s', async (_, path) => {
    const { exitCode, out } = await runProgram(createProgram(), ...path, '--help');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^Usage: selvage /);
    expect(out).toMatch(/\nExamples?:\n {2}selvage /);
  });
});

test('the version is the package’s', async () => {
  const { exitCode, out } = await runProgram(createProgram(), '--version');
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test.each([
  { args: ['statu'], err: "error: unknown command 'statu'\n(Did you mean status?)\n" },
  { args: ['status', '--jsn'], err: "error: unknown option '--jsn'\n(Did you mean --json?)\n" },
  { args: ['agent', '--conf', 'x'], err: "error: unknown option '--conf'\n(Did you mean --config?)\n" },
])('a slip is answered with a suggestion: $args', async ({ args, err }) => {
  expect(await runProgram(createProgram(), ...args)).toEqual({ exitCode: 1, out: '', err });
});

test('agent needs a configuration, and names what is wrong with it before anything runs', async () => {
  const ran: string[] = [];
  const program = () => {
    const command = new Command('selvage').exitOverride();
    addAgentCommand(command, async ({ host }) => {
      ran.push(host);
    });
    return command;
  };
  expect(await runProgram(program(), 'agent')).toMatchObject({
    exitCode: 1,
    err: "error: required option '-c, --config <file>' not specified\n",
  });
  const missing = program().parseAsync(['agent', '--config', '/nonexistent.yaml'], { from: 'user' });
  await expect(missing).rejects.toMatchObject({ code: 'bad-config' });
  const folder = program().parseAsync(['agent', '--config', 'examples/two-hosts'], { from: 'user' });
  await expect(folder).rejects.toMatchObject({
    message: 'examples/two-hosts cannot be read: it is a folder.',
  });
  expect(ran).toEqual([]);
  await program().parseAsync(['agent', '--config', 'examples/two-hosts/host-a.yaml'], { from: 'user' });
  expect(ran).toEqual(['host-a']);
});
