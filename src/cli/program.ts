// The command line: which commands there are. A command's file says what it takes and imports what it needs only when
// it is run, so that `selvage --help` stays fast.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { addEmulateCommand, addLabCommands } from '../../lab/cli.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { addAgentCommand } from './agent.ts';
import { addBenchCommand } from './bench.ts';
import { addCongestionCommands } from './cc.ts';
import { addDemoCommand } from './demo.ts';
import { addEngineCommands } from './engines.ts';
import { addFlowsCommand } from './flows.ts';
import { addPathsCommand } from './paths.ts';
import { addProbeCommand } from './probe.ts';
import { addQueuesCommand } from './queues.ts';
import { addRerouteCommand } from './reroute.ts';
import { addStatusCommand } from './status.ts';
import { addWhyCommand } from './why.ts';

const examples = `
Examples:
  selvage demo                        see what it is for
  selvage lab up                      a small cloud of your own on this machine
  selvage agent --config host.yaml    run the agent of this host
  selvage status                      what it is doing
  selvage flows                       its connections: windows, losses by cause, drops by reason
  selvage paths                       its paths: which are used, how fast, why one was left
  selvage queues                      the flows that wait, what holds them up, what found no room
  selvage why PEER                    why paths to it were left, and what took their place
  selvage probe PEER                  the routes to a host of any VXLAN overlay
  selvage reroute --dev flannel.1     keep a kernel's VXLAN overlay off paths that fail, without an agent
  selvage upgrade switch FILE         another switch in its place, while packets flow
  selvage cc run FILE --vni 77        congestion control of your own, on a network's traffic
  selvage help status                 what a command takes
`;

/** Throws CommanderError instead of ending the process, also (with exit code 0) after --help and --version. */
export function createProgram(): Command {
  const program = new Command('selvage')
    .description('A network for tenants across hosts that does not drop and heals itself in milliseconds.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', examples)
    // Before commands are added: they inherit it.
    .exitOverride();
  addAgentCommand(program, async (config, capture) => {
    const [{ runAgent }, { requireProgram }] = await Promise.all([
      import('../agent/agent.ts'),
      import('../../lab/programs.ts'),
    ]);
    await runAgent(config, { version: version(), ip: await requireProgram('ip'), capture });
  });
  addStatusCommand(program);
  addFlowsCommand(program);
  addPathsCommand(program);
  addQueuesCommand(program);
  addWhyCommand(program);
  addProbeCommand(program);
  addRerouteCommand(program, version);
  addEngineCommands(program);
  addCongestionCommands(program);
  addDemoCommand(program);
  addBenchCommand(program);
  addLabCommands(program);
  addEmulateCommand(program);
  return program;
}

function version(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return manifest.version;
}
