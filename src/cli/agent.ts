// `selvage agent`: reads the host's configuration, and either says that it is good or runs the agent on it.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { CaptureOptions } from '../agent/capture.ts';
import type { HostConfig } from '../agent/config.ts';

const examples = `
Examples:
  selvage agent --config /etc/selvage/host.yaml
  selvage agent --config host.yaml --check
  selvage agent --config host.yaml --trace 2> trace.txt
  selvage agent --config host.yaml --pcap captures
`;

interface AgentOptions {
  readonly config: string;
  readonly check?: true;
  readonly trace?: true;
  readonly pcap?: string;
}

/** `run` ends when the agent does. */
export function addAgentCommand(
  program: Command,
  run: (config: HostConfig, capture: CaptureOptions) => Promise<void>,
): void {
  program
    .command('agent')
    .description('Run the agent of this host until it is told to stop (SIGTERM or Ctrl-C).')
    .requiredOption('-c, --config <file>', 'the configuration of this host')
    .option('--check', 'only say whether the configuration is good')
    .option('--trace', 'a line on standard error for every frame and packet (slow)')
    .option(
      '--pcap <folder>',
      'write a capture file for each vNIC, and underlay.pcap (Wireshark reads it with docs/selvage.lua)',
    )
    .addHelpText('after', examples)
    .action(async (options: AgentOptions) => {
      const { loadConfig } = await import('../agent/config.ts');
      const config = loadConfig(options.config);
      const { check, trace = false, pcap } = options;
      if (check) console.log(`${options.config} is good.`);
      else await run(config, { trace, pcap: pcap === undefined ? undefined : resolve(pcap) });
    });
}
