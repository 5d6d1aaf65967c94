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
  readonly config?: string;
  readonly check?: true;
  readonly trace?: boolean;
  readonly pcap?: string;
  readonly fault?: string;
}

/** `run` ends when the agent does. */
export function addAgentCommand(
  program: Command,
  run: (config: HostConfig, capture: CaptureOptions) => Promise<void>,
): void {
  program
    .command('agent')
    .description('Run the agent of this host until it is told to stop (SIGTERM or Ctrl-C).')
    .option('-c, --config <file>', 'the configuration of this host (required)')
    .option('--check', 'only say whether the configuration is good')
    .option('--trace', 'a line on standard error for every frame and packet (slow)')
    .option(
      '--pcap <folder>',
      'write a capture file for each vNIC, and underlay.pcap (Wireshark reads it with docs/selvage.lua)',
    )
    .option('--fault <list>', 'lose or refuse packets on purpose, for tests: loss=1%,refuse=0-2%,seed=7')
    .addHelpText('after', examples)
    .action(async ({ config: file, check, trace = false, pcap, fault }: AgentOptions, command: Command) => {
      // Not commander's required option: it would complain of that before it names a misspelt one.
      if (file === undefined) command.error("error: required option '-c, --config <file>' not specified");
      const { loadConfig } = await import('../agent/config.ts');
      const { parseFaults } = await import('../agent/faults.ts');
      const config = loadConfig(file);
      const faults = fault === undefined ? undefined : parseFaults(fault);
      if (check) console.log(`${file} is good.`);
      else await run(config, { trace, pcap: pcap === undefined ? undefined : resolve(pcap), faults });
    });
}
