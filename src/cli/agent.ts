// `selvage agent`: reads the host's configuration, and either says that it is good or runs the agent on it.
import type { Command } from 'commander';
import type { HostConfig } from '../agent/config.ts';

const examples = `
Examples:
  selvage agent --config /etc/selvage/host.yaml
  selvage agent --config host.yaml --check
`;

interface AgentOptions {
  readonly config: string;
  readonly check?: true;
}

/** `run` ends when the agent does. */
export function addAgentCommand(program: Command, run: (config: HostConfig) => Promise<void>): void {
  program
    .command('agent')
    .description('Run the agent of this host until it is told to stop (SIGTERM or Ctrl-C).')
    .requiredOption('-c, --config <file>', 'the configuration of this host')
    .option('--check', 'only say whether the configuration is good')
    .addHelpText('after', examples)
    .action(async (options: AgentOptions) => {
      const { loadConfig } = await import('../agent/config.ts');
      const config = loadConfig(options.config);
      if (options.check) console.log(`${options.config} is good.`);
      else await run(config);
    });
}
